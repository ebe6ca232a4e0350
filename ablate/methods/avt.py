"""Autoencoding variational transformations: one encoder of images and of their warps."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ablate.augment.warp import COEFFICIENTS
from ablate.methods.method import Tensors
from ablate.methods.transformations import Equivariant, deep, drawn, learning, unit_gaussian_nll
from ablate.options import option

DAMPING = 1000.0  # by which the decoder's log variance is divided
FLOOR = 1e-4  # under the decoder's variance


@dataclass(frozen=True)
class AVT(Equivariant):
    """−log N(t; d(z, ẑ), 1), summed over t's coefficients, averaged over the batch, for codes z of tx and ẑ of x.

    By default as Sinaga et al. (2022, section 4) reproduce it.  Qi et al. shrink the codes' noise to 0.001, and predict
    the variance of t too: Σ log σ² + (t − μ)² / (σ² + 10⁻⁴).
    """

    source: ClassVar[str] = "Qi, Zhang, Chen & Tian 2019, AVT, ICCV; as a baseline of Sinaga et al. 2022"

    noise: float = option(1.0, "of a code, in its standard deviations; 0.001 in the original", least=0)
    variance: Literal["unit", "predicted"] = option("unit", "of t given the codes; predicted in the original")

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        network = self.structure(tuple(noise["view"].shape[-3:]))
        normal = self.noise * noise["normal"]
        encoded, state = learning(network, "encoder", params, state, noise["view"][0])
        image = drawn(encoded, normal[0])
        encoded, state = learning(network, "encoder", params, state, noise["view"][1])
        codes = torch.cat([drawn(encoded, normal[1]), image], 1)
        predicted, state = learning(network, "decoder", params, state, codes)
        if self.variance == "unit":
            total = unit_gaussian_nll(noise["target"], predicted)
        else:
            total = uncertain_surprise(noise["target"], *predicted.chunk(2, 1))
        return total, {"loss": total}, state

    def heads(self) -> dict[str, nn.Sequential]:
        outputs = COEFFICIENTS if self.variance == "unit" else 2 * COEFFICIENTS
        return {"decoder": deep(2 * self.latent_dim, self.hidden, outputs)}


def uncertain_surprise(target: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log σ² + (t − μ)² / (σ² + 10⁻⁴), summed over coefficients (B, 8), averaged over the batch.

    −2 log N(t; μ, σ²) but for the constant; log σ² is a thousandth of the network's output, as in the authors' code.
    """
    log_variance = log_variance / DAMPING
    return (log_variance + (target - mean).square() / (log_variance.exp() + FLOOR)).sum(1).mean()

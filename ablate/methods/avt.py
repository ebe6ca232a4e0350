"""AVT, autoencoding variational transformations: one encoder for images and for their warps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.augment.warp import COEFFICIENTS
from ablate.deferred import nn, torch
from ablate.methods.method import Tensors
from ablate.methods.transformations import Equivariant, deep, learning, reparameterized, unit_gaussian_nll
from ablate.options import option

if TYPE_CHECKING:
    from torch import Tensor

LOG_VARIANCE_SCALE = 1000.0  # divides the decoder's output for the log variance
EPSILON = 1e-4  # added to the predicted variance


@final
@dataclass(frozen=True)
class AVT(Equivariant):
    """−log N(t; d(z, ẑ), 1), summed over t's coefficients, averaged over the batch, for codes z of tx and ẑ of x.

    The defaults are those of the reproduction in Sinaga et al. (2022, section 4).  In Qi et al. the codes' noise is
    scaled by 0.001, and the variance of t is predicted too: Σ log σ² + (t − μ)² / (σ² + 10⁻⁴).
    """

    source: ClassVar[str] = "Qi, Zhang, Chen & Tian 2019, AVT, ICCV; as a baseline of Sinaga et al. 2022"

    code_noise: float = option(1.0, "scale of the noise of codes; 0.001 in the original", least=0, former="noise")
    output_variance: Literal["unit", "predicted"] = option(
        "unit", "variance of t given the codes; predicted in the original", former="variance"
    )

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        network = self.structure(tuple(noise["view"].shape[-3:]))
        normal = self.code_noise * noise["normal"]
        encoded, state = learning(network, "encoder", params, state, noise["view"][0])
        image = reparameterized(encoded, normal[0])
        encoded, state = learning(network, "encoder", params, state, noise["view"][1])
        codes = torch.cat([reparameterized(encoded, normal[1]), image], 1)
        predicted, state = learning(network, "decoder", params, state, codes)
        if self.output_variance == "unit":
            total = unit_gaussian_nll(noise["target"], predicted)
        else:
            total = predicted_variance_nll(noise["target"], *predicted.chunk(2, 1))
        return total, {"loss": total}, state

    def heads(self) -> dict[str, nn.Sequential]:
        outputs = COEFFICIENTS if self.output_variance == "unit" else 2 * COEFFICIENTS
        return {"decoder": deep(2 * self.latent_dim, self.hidden, outputs)}


def predicted_variance_nll(target: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log σ² + (t − μ)² / (σ² + 10⁻⁴), summed over coefficients (B, 8), averaged over the batch.

    This is −2 log N(t; μ, σ²) without its constant; as in the authors' code, log σ² is the network's output / 1000.
    """
    log_variance = log_variance / LOG_VARIANCE_SCALE
    return (log_variance + (target - mean).square() / (log_variance.exp() + EPSILON)).sum(1).mean()

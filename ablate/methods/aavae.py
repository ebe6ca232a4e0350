"""AAVAE, and the ablation of it that has no noise in its codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.methods.autoencoders import Autoencoder
from ablate.methods.method import Tensors
from ablate.methods.vae import Variational, gaussian_likelihood
from ablate.options import Value, option

FLOOR = 1e-6  # under every standard deviation, as in the authors' code

RECIPE: Mapping[str, Value] = {  # section 5
    "epochs": 3200,
    "batch_size": 256,
    "reference_batch": 256,
    "learning_rate": 2.5e-4,
    "schedule": "constant",
    "warm_up": 10.0,
}
DATASETS: Mapping[str, Mapping[str, Value]] = {  # the grey ones are ours
    "stl10": {"augmentation": "simclr-stl10"},
    "mnist": {"augmentation": "simclr-grey"},
    "emnist-digits": {"augmentation": "simclr-grey"},
    "fashion-mnist": {"augmentation": "simclr-grey"},
    "digits": {"augmentation": "simclr-grey"},
}


@dataclass(frozen=True)
class AAVAE(Variational):
    """−log N(x; d(z), s) of a clean image x, for z drawn from q(z | x⁺) of an augmented view x⁺, + β KL(q ‖ N(0, 1)).

    β is 0: the noise of the codes and the augmentation take the place of the prior.  Inputs are normalized, sums over
    pixels averaged over the batch, constants included (Falcon et al. 2021, eq. 3, with its sign turned).
    """

    source: ClassVar[str] = "Falcon, Jha, Koker & Cho 2021, AAVAE, arXiv:2107.12329"
    recipe: ClassVar[Mapping[str, Value]] = RECIPE
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = DATASETS

    latent_dim: int = option(128, "dimension of z", least=1)
    network: Literal["mlp", "simvae-mlp", "cnn", "narrow", "resnet18", "resnet34", "resnet50"] = option(
        "resnet50", "the encoder; mlp and simvae-mlp flatten images, the others fold over them"
    )
    decoder: Literal["mirror", "narrow-shortcuts", "resnet18", "resnet34", "resnet50"] = option(
        "resnet50", "gives images back: the encoder's mirror image, or that of a ResNet"
    )
    augmentation: str = option("simclr-cifar10", "the pipeline that draws what the encoder sees")
    weight: float = option(0.0, "β, of the divergence from the prior", least=0)
    logscale: float = option(0.0, "log s, the likelihood's log variance; where it is learned, at the start")
    scale: Literal["fixed", "learned"] = option("fixed", "whether log s is a parameter, one for all pixels")

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        learned = {"logscale": torch.tensor(float(self.logscale))} if self.scale == "learned" else {}
        return {**params, **learned}, state

    def misfit(self, params: Tensors, outputs: Tensor, target: Tensor) -> Tensor:
        return -gaussian_likelihood(target, self.finish(outputs), self.spread(params, target))

    def log_likelihood(self, params: Tensors, state: Tensors, inputs: Tensor, codes: Tensor) -> Tensor:
        """Of the clean images as the encoder sees them, normalized."""
        x = self.pipeline.clean(inputs)
        outputs, _ = self.restore(params, state, codes, tuple(x.shape[1:]), training=False)
        return -self.misfit(params, outputs, x)

    def gaussian(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = super().gaussian(encoded)
        return mean, floored(log_variance)

    def spread(self, params: Tensors, like: Tensor) -> Tensor:
        """The likelihood's log variance ()."""
        logscale = params["logscale"] if self.scale == "learned" else like.new_zeros(()) + self.logscale
        return floored(logscale)


@dataclass(frozen=True)
class AAAE(Autoencoder):
    """Mean of (x − d(e(x⁺)))², for an augmented view x⁺ of x: AAVAE without noise in its codes.

    The paper's code compares with x⁺ itself, as its Table 1 suggests: `target` 'input'.
    """

    source: ClassVar[str] = "Falcon, Jha, Koker & Cho 2021, AAVAE, arXiv:2107.12329, Table 1"
    recipe: ClassVar[Mapping[str, Value]] = RECIPE
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = DATASETS

    latent_dim: int = option(128, "dimension of the code", least=1)
    network: Literal["mlp", "simvae-mlp", "cnn", "narrow", "resnet18", "resnet34", "resnet50"] = option(
        "resnet50", "the encoder; mlp and simvae-mlp flatten images, the others fold over them"
    )
    decoder: Literal["mirror", "narrow-shortcuts", "resnet18", "resnet34", "resnet50"] = option(
        "resnet50", "gives images back: the encoder's mirror image, or that of a ResNet"
    )
    augmentation: str = option("simclr-cifar10", "the pipeline that draws what the encoder sees")


def floored(log_variance: Tensor) -> Tensor:
    """2 log(σ + floor), for σ = exp(log variance / 2)."""
    return 2 * ((log_variance / 2).exp() + FLOOR).log()

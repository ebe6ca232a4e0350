"""Base class of AVT and VTE: images, their projective warps, and an encoder of both with Gaussian codes."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ablate.augment import pipeline
from ablate.augment.warp import projective
from ablate.data_info import DataInfo
from ablate.deferred import nn, torch
from ablate.errors import StudyError
from ablate.methods.capabilities import Augmenting, Stochastic
from ablate.methods.limits import check_batchnorm
from ablate.methods.method import Method, Tensors
from ablate.methods.parts import joined, through
from ablate.nets.encoders import mlp
from ablate.nets.init import initialize
from ablate.nets.nin import MIN_SIDE, alexnet, flat_dim, nin
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

GREY_DATASETS = ("digits", "mnist", "emnist-digits", "fashion-mnist")  # neither cropped nor flipped


@dataclass(frozen=True)
class Equivariant(Method, Stochastic, Augmenting):
    """An encoder of images to the mean and the log variance of a Gaussian code z, which is then drawn.

    A step draws a crop and flip x of each image, a projective transformation t and the warp tx.  The features are the
    mean.  Losses leave out the constants of densities.
    """

    recipe: ClassVar[Mapping[str, Value]] = {
        "epochs": 200,
        "batch_size": 256,
        "learning_rate": 1e-4,
        "schedule": "constant",
    }
    recipes: ClassVar[Mapping[str, Mapping[str, Value]]] = {"stl10-32": {"batch_size": 512}}
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {
        "stl10-32": {"network": "alexnet"},
        **{name: {"augmentation": "none"} for name in GREY_DATASETS},
    }
    small: ClassVar[Mapping[str, Value]] = {"width": 8, "latent_dim": 4, "hidden": 8}
    small_shape: ClassVar[tuple[int, ...]] = (3, 16, 16)

    network: Literal["nin", "alexnet"] = option("nin", "the encoder: the paper's for CIFAR-10 or for STL-10")
    width: int = option(64, "filters: a third of those of nin's first convolution, those of alexnet's", least=1)
    latent_dim: int = option(512, "dimension of the code z", least=1)
    hidden: int = option(2048, "units in the first hidden layer of decoders and critics; a second has half", least=4)
    augmentation: str = option("vte", "the crop and flip before the warp, and the normalization after it")
    fill: float = option(128 / 255, "grey level of pixels that a warp takes from outside of the image", least=0, most=1)

    @abstractmethod
    def heads(self) -> dict[str, nn.Sequential]:
        """The networks besides the encoder, by name."""

    def check(self, info: DataInfo) -> None:
        super().check(info)
        pipeline(self.augmentation).check(info.shape)
        self.check_sizes(info.shape)
        check_batchnorm(info, batchnorm=True, off="another method")

    def check_sizes(self, shape: tuple[int, ...]) -> None:
        """Raise StudyError where the images are too small for the encoder, or the width does not suit it."""
        if len(shape) != 3:
            raise StudyError(f"a warp needs images (C, H, W), the data are of shape {shape}", "use a set of images")
        smallest = MIN_SIDE[self.network]
        if min(shape[1:]) < smallest:
            problem = f"network '{self.network}' needs images of at least {smallest} x {smallest} pixels"
            raise StudyError(f"{problem}, the data are {shape[1]} x {shape[2]}", "use network 'nin'")
        if self.network == "nin" and self.width % 8:
            raise StudyError(f"width {self.width} of network 'nin' is no multiple of 8", "use 8, 16, 24, ...")

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return initialize(self.structure(info.shape), generator)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """x and tx, normalized (2, B, C, H, W); t (B, 8); standard normal e (2, B, l) for the codes of both."""
        x = batch["input"]
        cropped = self.view(x, generator)
        warped, target = projective(cropped, generator, self.fill)
        shape = 2, len(x), self.latent_dim
        return {
            "view": pipeline(self.augmentation).preprocess(torch.cat([cropped, warped])).unflatten(0, (2, -1)),
            "target": target,
            "normal": torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype),
        }

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """A crop and flip of each image (B, C, H, W), in [0, 1]; training warps and normalizes it."""
        return pipeline(self.augmentation).augment(inputs, generator)

    def unaugmented(self, inputs: Tensor) -> Tensor:
        return pipeline(self.augmentation).unaugmented(inputs)

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.posterior(params, state, inputs)[0]

    def posterior(self, params: Tensors, state: Tensors, inputs: Tensor) -> tuple[Tensor, Tensor]:
        network = self.structure(tuple(inputs.shape[1:]))
        x = pipeline(self.augmentation).preprocess(inputs)
        mean, log_variance = through(network, "encoder", params, state, x, training=False)[0].chunk(2, 1)
        return mean, log_variance

    @property
    def stacks(self) -> bool:
        return False

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        return network(gaussian_encoder(self.network, shape, self.width, self.latent_dim), **self.heads())


@functools.cache
def network(encoder: nn.Sequential, **heads: nn.Sequential) -> nn.Sequential:
    """The encoder and the heads as one network, without parameters."""
    return joined(encoder=encoder, **heads)


@functools.cache
def gaussian_encoder(kind: str, shape: tuple[int, ...], width: int, latent_dim: int) -> nn.Sequential:
    """Images (B, *shape) → the codes' mean, then their log variance (B, 2 l), without parameters."""
    convolutions = {"nin": nin, "alexnet": alexnet}[kind](shape, width)
    with torch.device("meta"):
        return nn.Sequential(*convolutions, nn.Linear(flat_dim(kind, shape, width), 2 * latent_dim))


def deep(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers with batch norm, the second half as wide as the first, without parameters."""
    return mlp((inputs, hidden, hidden // 2, outputs), batchnorm=True)


def learning(network: nn.Module, part: str, params: Tensors, state: Tensors, inputs: Tensor) -> tuple[Tensor, Tensors]:
    """The outputs of one part in training mode, and the state with its running statistics updated."""
    return through(network, part, params, state, inputs, training=True, tracking=True)


def reparameterized(encoded: Tensor, normal: Tensor) -> Tensor:
    """z = μ + σ e, of μ and log σ² (B, 2 l) and e (B, l)."""
    mean, log_variance = encoded.chunk(2, 1)
    return mean + (log_variance / 2).exp() * normal


def unit_gaussian_nll(found: Tensor, mean: Tensor) -> Tensor:
    """−log N(found; mean, 1) without its constant, summed over dimensions, averaged over the batch (B, D)."""
    return (found - mean).square().sum(1).mean() / 2

"""Base classes: an encoder of augmented images, and two views of each image that one projection head compares."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.augment import pipeline
from ablate.augment.pipeline import Pipeline
from ablate.data_info import DataInfo
from ablate.deferred import nn, torch
from ablate.methods.backbone import FLAT, RESNETS, Network, backbone, check_backbone, feature_dim
from ablate.methods.capabilities import Augmenting, Mapped
from ablate.methods.limits import check_contrast
from ablate.methods.method import Method, Tensors, with_prefix, within
from ablate.methods.parts import joined, through
from ablate.methods.small_perceptron import SMALL_PERCEPTRON, SMALL_SHAPE
from ablate.nets.functional import apply
from ablate.nets.heads import projection
from ablate.nets.init import initialize
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

SettingsByDataset = Mapping[str, Mapping[str, Value]]

GREY_AND_FACES: SettingsByDataset = {  # Bizeul et al. 2024, arXiv:2402.01399, sections 5, 6; those of digits are ours
    "mnist": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simvae-mnist"},
    "emnist-digits": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simvae-mnist"},
    "fashion-mnist": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simvae-fashion-mnist"},
    "celeba": {"network": "narrow", "latent_dim": 64, "augmentation": "simvae-celeba"},
    "digits": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simclr-grey"},
}
SIMVAE: SettingsByDataset = {  # that paper trains another network on CIFAR-10 than the others do
    **GREY_AND_FACES,
    "cifar10": {"network": "narrow", "latent_dim": 64, "augmentation": "simvae-cifar10"},
    "cifar10-jpeg": {"network": "narrow", "latent_dim": 64, "augmentation": "simvae-cifar10"},
}
CIFAR_ALONE: SettingsByDataset = {  # for methods whose paper has no other data set of ours than CIFAR-10
    "stl10": {"augmentation": "simclr-stl10"},
    "mnist": {"augmentation": "simclr-grey"},
    "emnist-digits": {"augmentation": "simclr-grey"},
    "fashion-mnist": {"augmentation": "simclr-grey"},
    "digits": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simclr-grey"},
}
ADAM: Mapping[str, Value] = {  # the recipe of Lee et al. 2021 for SimCLR and SwAV
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "weight_decay": 1e-6,
    "schedule": "cosine",
    "warm_up": 10.0,
    "epochs": 100,
    "batch_size": 256,
}


@functools.cache
def identity() -> nn.Module:
    """The head of a method that compares the features themselves."""
    return nn.Identity()


@dataclass(frozen=True)
class ImageEncoder(Method, Augmenting, Mapped):
    """A backbone that trains on augmented images and embeds clean ones; its outputs are the features."""

    small: ClassVar[Mapping[str, Value]] = SMALL_PERCEPTRON
    small_shape: ClassVar[tuple[int, ...]] = SMALL_SHAPE

    network: Network = option("resnet50", "the encoder; mlp and simvae-mlp flatten images, the others convolve")
    width: int = option(64, "channels of the first convolution; 64 is the published size, also of simvae-mlp", least=1)
    latent_dim: int = option(64, "L, outputs of the encoder; a ResNet has 2048 or 512, in proportion to width", least=1)
    augmentation: str = option("simclr-cifar10", "the pipeline that draws the views")
    strength: int = option(-1, "strength of crop and jitter, 0 (least) to 3; -1: the pipeline's own", least=-1, most=3)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_backbone(self.network, info)
        self.pipeline.check(info.shape)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = initialize(self.encoder(self.pipeline.check(info.shape)), generator)
        return with_prefix("encoder.", params), with_prefix("encoder.", state)

    @abstractmethod
    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The views of one step."""

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.outputs(params, state, inputs)

    def unaugmented(self, inputs: Tensor) -> Tensor:
        return self.pipeline.unaugmented(inputs)

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        return self.pipeline.augment(inputs, generator)

    def maps(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        pooling = 1 if self.network in RESNETS else 0
        return self.outputs(params, state, inputs, left_out=pooling).flatten(1)

    def outputs(self, params: Tensors, state: Tensors, inputs: Tensor, left_out: int = 0) -> Tensor:
        """Inputs (B, ...), not yet preprocessed → outputs (B, ...) of the encoder without its last layers."""
        x = self.pipeline.preprocess(inputs)
        layers = self.encoder(tuple(x.shape[1:]))
        own = within(params, "encoder."), within(state, "encoder.")
        return apply(layers[: len(layers) - left_out], *own, x, training=False)[0]

    def encoder(self, shape: tuple[int, ...]) -> nn.Sequential:
        return backbone(self.network, shape, self.width, self.latent_dim)

    @property
    def stacks(self) -> bool:
        return self.network in FLAT

    @property
    def pipeline(self) -> Pipeline:
        return pipeline(self.augmentation, self.strength if self.strength >= 0 else None)

    @property
    def features(self) -> int:
        """Dimension of the features."""
        return feature_dim(self.network, self.width, self.latent_dim)


@dataclass(frozen=True)
class TwoViews(ImageEncoder):
    """Two views of every image pass the encoder and a projection head; a subclass compares the projections."""

    proj_head: bool = option(True, "compare the outputs of a 2-layer projection head; else the features themselves")
    head_dim: int = option(128, "outputs of the head; its hidden layer is as wide as the features", least=1)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_contrast(info)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return initialize(self.structure(self.pipeline.check(info.shape)), generator)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Two views (2, B, C, h, w) of each image."""
        return {"view": self.pipeline.views(batch["input"], 2, generator)}

    @abstractmethod
    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        """Compare the projections of the two views."""

    def project(self, params: Tensors, state: Tensors, views: Tensor) -> tuple[Tensor, Tensors]:
        """Views (V, B, ...) → projections (V, B, D), and the state after them.

        All views pass in one batch: batch norm normalizes over the V x B images.
        """
        structure = self.structure(tuple(views.shape[2:]))
        outputs = views.flatten(0, 1)
        for part in ("encoder", "head"):
            outputs, state = through(structure, part, params, state, outputs, training=True, tracking=True)
        return outputs.unflatten(0, views.shape[:2]), state

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        """The encoder and the head on top of it."""
        return with_head(self.encoder(shape), self.head())

    def head(self) -> nn.Module:
        """The map from features to projections (Lee et al. 2021, as in Chen et al. 2020)."""
        return projection(self.features, self.features, self.head_dim) if self.proj_head else identity()

    @property
    def projected(self) -> int:
        """Dimension of the projections."""
        return self.head_dim if self.proj_head else self.features


@functools.cache
def with_head(encoder: nn.Sequential, head: nn.Module) -> nn.Sequential:
    """The encoder and the head on top of it, without parameters."""
    return joined(encoder=encoder, head=head)

"""Encoders of augmented images, and the heads on which two views of an image are compared."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ablate.augment import pipeline
from ablate.augment.pipeline import Pipeline
from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.backbone import FLAT, Network, backbone, check_backbone, feature_dim
from ablate.methods.capabilities import Augmenting
from ablate.methods.method import Method, Tensors, below, within
from ablate.methods.parts import joined, through
from ablate.nets.functional import apply
from ablate.nets.heads import projection
from ablate.nets.init import draw
from ablate.options import Value, option

Settings = Mapping[str, Mapping[str, Value]]

GREY_AND_FACES: Settings = {  # Bizeul et al. 2024, arXiv:2402.01399, sections 5 and 6; both sets of digits are ours
    "mnist": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simvae-mnist"},
    "emnist-digits": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simvae-mnist"},
    "fashion-mnist": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simvae-fashion-mnist"},
    "celeba": {"network": "narrow", "latent_dim": 64, "augmentation": "simvae-celeba"},
    "digits": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simclr-grey"},
}
SIMVAE: Settings = {  # that paper has a ResNet of its own on CIFAR-10
    **GREY_AND_FACES,
    "cifar10": {"network": "narrow", "latent_dim": 64, "augmentation": "simvae-cifar10"},
    "cifar10-jpeg": {"network": "narrow", "latent_dim": 64, "augmentation": "simvae-cifar10"},
}
CIFAR_ALONE: Settings = {  # for methods whose paper has but CIFAR-10
    "stl10": {"augmentation": "simclr-stl10"},
    "mnist": {"augmentation": "simclr-grey"},
    "emnist-digits": {"augmentation": "simclr-grey"},
    "fashion-mnist": {"augmentation": "simclr-grey"},
    "digits": {"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simclr-grey"},
}
UNCHANGED = nn.Identity()  # the head of a method that compares the features themselves


@dataclass(frozen=True)
class ImageEncoder(Method, Augmenting):
    """A backbone that sees augmented images in training and clean ones afterwards; its outputs are the features."""

    network: Network = option("resnet50", "the encoder; mlp and simvae-mlp flatten images, the others fold over them")
    width: int = option(64, "channels of the first convolution; 64: the published size, of simvae-mlp too", least=1)
    latent_dim: int = option(64, "L, outputs of the encoder; a ResNet has 2048 or 512, in proportion to width", least=1)
    augmentation: str = option("simclr-cifar10", "the pipeline that draws the views")
    strength: int = option(-1, "of crop and jitter, 0 (least) to 3; -1: as the pipeline has them", least=-1, most=3)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_backbone(self.network, info)
        self.pipeline.check(info.shape)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = draw(self.encoder(self.pipeline.check(info.shape)), generator)
        return below("encoder.", params), below("encoder.", state)

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        clean = self.pipeline.clean(inputs)
        own = within(params, "encoder."), within(state, "encoder.")
        return apply(self.encoder(tuple(clean.shape[1:])), *own, clean, training=False)[0]

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        return self.pipeline.augment(inputs, generator)

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
        """Dimension of what `embed` gives."""
        return feature_dim(self.network, self.width, self.latent_dim)


@dataclass(frozen=True)
class TwoViews(ImageEncoder):
    """Two views of every image are projected by one head; a subclass compares the projections."""

    proj_head: bool = option(True, "the loss acts on a 2-layer head's outputs; else on the features themselves")
    head_dim: int = option(128, "outputs of the head, whose hidden layer is as wide as the features", least=1)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if info.batch_size < 2:
            raise StudyError("batches of 1 hold nothing to contrast with", "use a larger training.batch_size")

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return draw(self.structure(self.pipeline.check(info.shape)), generator)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Two views (2, B, C, h, w) of each image."""
        return {"view": self.pipeline.views(batch["input"], 2, generator)}

    def project(self, params: Tensors, state: Tensors, views: Tensor) -> tuple[Tensor, Tensors]:
        """Views (V, B, ...) → what the loss compares (V, B, D), and the state after them.

        All views pass at once: batch norm goes by the V x B images.
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
        """From features to what the loss compares (Lee et al. 2021, as Chen et al. 2020)."""
        return projection(self.features, self.features, self.head_dim) if self.proj_head else UNCHANGED

    @property
    def projected(self) -> int:
        """Dimension of what the loss compares."""
        return self.head_dim if self.proj_head else self.features


@functools.cache
def with_head(encoder: nn.Sequential, head: nn.Module) -> nn.Sequential:
    """The encoder and the head on top of it, without parameters."""
    return joined(encoder=encoder, head=head)

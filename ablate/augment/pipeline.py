"""Pipelines from images in [0, 1] to network inputs: random views in training, clean images in evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ablate.augment.color import Jitter
from ablate.augment.enlarged import Enlarged
from ablate.augment.geometry import ResizedCrop, center_crop, shape_of
from ablate.augment.transform import Transform, constant
from ablate.deferred import F, torch
from ablate.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = ((0.9, 0.2, 0.05), (0.8, 0.4, 0.1), (0.6, 0.8, 0.2), (0.2, 1.0, 0.25))  # least area, jitter strength, hue


@dataclass(frozen=True)
class Pipeline:
    """Random transforms in their order, then the preprocessing of every image, view or clean.

    `threshold` makes images binary; `mean` and `std` of the channels normalize them.  Clean images are first enlarged
    by the factor `enlarged` and cropped at the centre to the size of views; without transforms, views are the clean
    images.  An image passes `augment` or `unaugmented` once, and then `preprocess` once, in training as in probes.
    """

    transforms: tuple[Transform, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threshold: float | None = None
    enlarged: float = 1.0

    def view(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → one random view of each (B, C, h, w), as the network's input."""
        return self.preprocess(self.augment(images, generator))

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → `count` independent views of each (count, B, C, h, w)."""
        repeated = images.expand(count, *images.shape).flatten(0, 1)
        drawn = self.view(repeated, generator)
        return drawn.view(count, len(images), *drawn.shape[1:])

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Views before their preprocessing: (B, C, h, w) in [0, 1], neither normalized nor made binary."""
        if not self.transforms:
            return self.unaugmented(images)
        for transform in self.transforms:
            images = transform(images, generator)
        return images

    def clean(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → the network's inputs in evaluation (B, C, h, w)."""
        return self.preprocess(self.unaugmented(images))

    def unaugmented(self, images: Tensor) -> Tensor:
        """Clean images before their preprocessing: (B, C, h, w) in [0, 1], of the size of views."""
        if self.enlarged == 1:
            return images
        sides = [round(side * self.enlarged) for side in images.shape[2:]]
        _, *size = self.check(shape_of(images))
        return center_crop(F.interpolate(images, sides, mode="bilinear"), (size[0], size[1]))

    def preprocess(self, images: Tensor) -> Tensor:
        """Images in [0, 1], made binary and normalized where this pipeline does so."""
        if self.threshold is not None:
            images = (images > self.threshold).to(images)
        if self.mean:
            images = (images - per_channel(self.mean, images)) / per_channel(self.std, images)
        return images

    def restore(self, images: Tensor) -> Tensor:
        """Normalized images → images in [0, 1], clamped."""
        if self.mean:
            images = images * per_channel(self.std, images) + per_channel(self.mean, images)
        return images.clamp(0, 1)

    def check(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of views of inputs of this shape.  Raises StudyError where such inputs do not fit."""
        if self == Pipeline():
            return tuple(shape)
        if len(shape) != 3:
            raise StudyError(
                f"inputs of shape {tuple(shape)} are not images and cannot be augmented",
                "use augmentation 'none' or a data set of images",
            )
        if self.mean and len(self.mean) != shape[0]:
            raise StudyError(
                f"images of {shape[0]} channels cannot be normalized by the statistics of {len(self.mean)}",
                "choose an augmentation for such images",
            )
        current = shape[0], shape[1], shape[2]
        for transform in self.transforms:
            current = transform.check(current)
        return current

    def with_strength(self, strength: int) -> Pipeline:
        """This pipeline with the crop and the jitter of a level.

        Raises StudyError where there is no such level, or where the pipeline has neither crop nor jitter.
        """
        if strength not in range(len(LEVELS)):
            raise StudyError(f"no strength {strength} of augmentation", f"choose from 0 ... {len(LEVELS) - 1}")
        inner = [
            one for step in self.transforms for one in (step.transforms if isinstance(step, Enlarged) else (step,))
        ]
        if not any(isinstance(transform, ResizedCrop | Jitter) for transform in inner):
            raise StudyError(
                "an augmentation without resized crop and jitter has no strength",
                "leave the strength out, or choose an augmentation that has them",
            )
        return replace(self, transforms=tuple(at_level(transform, *LEVELS[strength]) for transform in self.transforms))


def at_level(transform: Transform, area: float, jitter: float, hue: float) -> Transform:
    """A crop with this least area, or a jitter with this strength and hue; any other transform as it is."""
    if isinstance(transform, Enlarged):
        return replace(transform, transforms=tuple(at_level(one, area, jitter, hue) for one in transform.transforms))
    if isinstance(transform, ResizedCrop):
        return replace(transform, area=(area, 1.0))
    return replace(transform, strength=jitter, hue=hue) if isinstance(transform, Jitter) else transform


def per_channel(values: tuple[float, ...], like: Tensor) -> Tensor:
    """One number per channel (C, 1, 1)."""
    return constant(values, like)[:, None, None]

"""From images in [0, 1] to what a network sees: random views in training, clean images in evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.augment.color import Jitter
from ablate.augment.geometry import ResizedCrop, centre, shape_of
from ablate.augment.step import Step, constant
from ablate.errors import StudyError

LEVELS = ((0.9, 0.2, 0.05), (0.8, 0.4, 0.1), (0.6, 0.8, 0.2), (0.2, 1.0, 0.25))  # least area, jitter, hue


@dataclass(frozen=True)
class Pipeline:
    """Random steps in their order, and what is done to every image after them or without them.

    `mean` and `std` of the channels normalize where they are given; a `threshold` makes images binary.  A clean image
    is enlarged first, and cropped in the centre to the size of views.
    """

    steps: tuple[Step, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threshold: float | None = None
    enlarged: float = 1.0

    def view(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → one view of each, drawn for itself (B, C, h, w), as the network sees it."""
        return self.finish(self.augment(images, generator))

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """So many independent views of each image (count, B, C, h, w)."""
        repeated = images.expand(count, *images.shape).flatten(0, 1)
        drawn = self.view(repeated, generator)
        return drawn.view(count, len(images), *drawn.shape[1:])

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The random steps alone: (B, C, h, w) in [0, 1], neither normalized nor made binary."""
        for step in self.steps:
            images = step(images, generator)
        return images

    def clean(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → what the network sees in evaluation (B, C, h, w)."""
        if self.enlarged != 1:
            sides = [round(side * self.enlarged) for side in images.shape[2:]]
            _, *size = self.check(shape_of(images))
            images = centre(F.interpolate(images, sides, mode="bilinear"), (size[0], size[1]))
        return self.finish(images)

    def finish(self, images: Tensor) -> Tensor:
        """Images in [0, 1], made binary or normalized as far as this pipeline does so."""
        if self.threshold is not None:
            images = (images > self.threshold).to(images)
        if self.mean:
            images = (images - channels(self.mean, images)) / channels(self.std, images)
        return images

    def restore(self, images: Tensor) -> Tensor:
        """Normalized images back in [0, 1], where what leaves it is cut off."""
        if self.mean:
            images = images * channels(self.std, images) + channels(self.mean, images)
        return images.clamp(0, 1)

    def check(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of views of inputs of this shape; StudyError where inputs do not fit."""
        if self == Pipeline():
            return tuple(shape)
        if len(shape) != 3:
            raise StudyError(
                f"inputs of shape {tuple(shape)} are no images and cannot be augmented",
                "use augmentation 'none' or a data set of images",
            )
        if self.mean and len(self.mean) != shape[0]:
            raise StudyError(
                f"images of {shape[0]} channels cannot be normalized by the statistics of {len(self.mean)}",
                "choose an augmentation for such images",
            )
        made = shape[0], shape[1], shape[2]
        for step in self.steps:
            made = step.check(made)
        return made

    def at(self, strength: int) -> "Pipeline":
        """This pipeline with the crop and the jitter of a level; StudyError where it has neither, or no such level."""
        if strength not in range(len(LEVELS)):
            raise StudyError(f"no strength {strength} of augmentation", f"choose from 0 ... {len(LEVELS) - 1}")
        steps = tuple(strengthened(step, *LEVELS[strength]) for step in self.steps)
        if not any(isinstance(step, ResizedCrop | Jitter) for step in steps):
            raise StudyError(
                "an augmentation without resized crop and jitter has no strength",
                "leave the strength out, or choose an augmentation that has them",
            )
        return replace(self, steps=steps)


def strengthened(step: Step, area: float, jitter: float, hue: float) -> Step:
    """The step with the least area of crops and the most change of colours given, if it is one of these."""
    if isinstance(step, ResizedCrop):
        return replace(step, area=(area, 1.0))
    return replace(step, strength=jitter, hue=hue) if isinstance(step, Jitter) else step


def channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    """One number a channel (C, 1, 1)."""
    return constant(values, like)[:, None, None]

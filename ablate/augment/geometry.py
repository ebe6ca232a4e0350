"""Crops and flips.

Crops are resized bilinearly without antialiasing.  They are never larger than what is made of them, where antialiasing
would change nothing, so that this is torchvision's result with either.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.augment.step import Step, below, chosen, uniform
from ablate.errors import StudyError

ATTEMPTS = 10  # boxes tried before the image's middle is taken, as torchvision does


@dataclass(frozen=True)
class ResizedCrop(Step):
    """A box of random area, aspect and place, resized to the image's size (Szegedy et al. 2015, as torchvision)."""

    area: tuple[float, float] = (0.08, 1.0)  # of the image's
    aspect: tuple[float, float] = (3 / 4, 4 / 3)  # width / height

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return resized_crop(images, draw_boxes(images, self.area, self.aspect, generator))


@dataclass(frozen=True)
class PaddedCrop(Step):
    """A window at a random place of the padded image, of the image's size if no other is given."""

    padding: int = 4
    mode: Literal["constant", "reflect"] = "constant"  # constant: black
    size: int | None = None

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        padded = F.pad(images, (self.padding,) * 4, self.mode)
        _, height, width = self.check(shape_of(images))
        top = below(padded.shape[2] - height + 1, generator, images)
        left = below(padded.shape[3] - width + 1, generator, images)
        return windows(padded, top.long(), left.long(), (height, width))

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        channels, height, width = shape
        if self.mode == "reflect" and min(height, width) <= self.padding:
            raise StudyError(
                f"images of {height} x {width} pixels cannot be padded with {self.padding} reflected ones",
                f"use images of at least {self.padding + 1} pixels a side",
            )
        if self.size is None:
            return shape
        if self.size > min(height, width) + 2 * self.padding:
            raise StudyError(
                f"a crop of {self.size} pixels is larger than images of {height} x {width} padded by {self.padding}",
                f"use images of at least {self.size - 2 * self.padding} pixels a side",
            )
        return channels, self.size, self.size


@dataclass(frozen=True)
class Flip(Step):
    """Mirrored left to right, or upside down, at random."""

    direction: Literal["horizontal", "vertical"] = "horizontal"
    probability: float = 0.5

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        side = -1 if self.direction == "horizontal" else -2
        return torch.where(chosen(self.probability, generator, images), images.flip(side), images)


def draw_boxes(
    images: Tensor, area: tuple[float, float], aspect: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """For each image the first of several random boxes that fits (B, 4): top, left, height, width in whole pixels."""
    (count, _, H, W), size = images.shape, (ATTEMPTS, len(images))
    pixels = H * W * uniform(size, *area, generator, images)
    ratio = uniform(size, math.log(aspect[0]), math.log(aspect[1]), generator, images).exp()
    width, height = (pixels * ratio).sqrt().round(), (pixels / ratio).sqrt().round()
    fits = (width > 0) & (width <= W) & (height > 0) & (height <= H)
    first = fits.int().argmax(0), torch.arange(count, device=images.device)
    middle_height, middle_width = middle((H, W), aspect)
    height = height[first].where(fits[first], middle_height)
    width = width[first].where(fits[first], middle_width)
    top, left = below(H - height + 1, generator, images), below(W - width + 1, generator, images)
    top = top.where(fits[first], (H - height).div(2, rounding_mode="floor"))
    left = left.where(fits[first], (W - width).div(2, rounding_mode="floor"))
    return torch.stack([top, left, height, width], 1)


def middle(sides: tuple[int, int], aspect: tuple[float, float]) -> tuple[int, int]:
    """Height and width of the largest box of an image that has an allowed aspect."""
    height, width = sides
    if width < height * aspect[0]:
        return round(width / aspect[0]), width
    return (height, round(height * aspect[1])) if width > height * aspect[1] else (height, width)


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """The box (B, 4) of each image (top, left, height, width in pixels), resized to the image's size."""
    H, W = images.shape[2:]
    top, left, height, width = boxes.to(images).unbind(1)
    rows, columns = sources(top, height, H), sources(left, width, W)
    grid = torch.stack([columns[:, None, :].expand(-1, H, W), rows[:, :, None].expand(-1, H, W)], -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def sources(start: Tensor, length: Tensor, side: int) -> Tensor:
    """Where each of the new pixels of a side is read (B, side), -1 and 1 being the edges of the old side."""
    pixel = torch.arange(side, device=start.device, dtype=start.dtype)
    within = (pixel + 0.5) * (length / side)[:, None] - 0.5
    place = start[:, None] + within.clamp(min=0).minimum(length[:, None] - 1)  # nothing outside of the box is read
    return (2 * place + 1) / side - 1


def windows(images: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    """The window of each image (B, C, *size) that begins at a row (B,) and a column (B,)."""
    everywhere = images.unfold(2, size[0], 1).unfold(3, size[1], 1)  # a view: (B, C, tops, lefts, *size)
    return everywhere[torch.arange(len(images), device=images.device), :, top, left]


def centre(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle (B, C, *size) of images."""
    top, left = (round((old - new) / 2) for old, new in zip(images.shape[2:], size, strict=True))
    return images[:, :, top : top + size[0], left : left + size[1]]


def shape_of(images: Tensor) -> tuple[int, int, int]:
    """(C, H, W)."""
    return images.shape[1], images.shape[2], images.shape[3]

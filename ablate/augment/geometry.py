"""Crops and flips, as in torchvision.

Crops are resized bilinearly without antialiasing.  They are never larger than their result, and antialiasing only
changes what is reduced, so that torchvision's results are the same with and without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ablate.augment.transform import Transform, random_below, random_mask, random_uniform
from ablate.deferred import F, torch
from ablate.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor

BOX_ATTEMPTS = 10  # random boxes before the central one is taken, as in torchvision


@dataclass(frozen=True)
class ResizedCrop(Transform):
    """A box of random area, aspect and position, resized to the image's size (Szegedy et al. 2015, as torchvision)."""

    area: tuple[float, float] = (0.08, 1.0)  # as a share of the image's
    aspect: tuple[float, float] = (3 / 4, 4 / 3)  # width / height

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return resized_crop(images, draw_boxes(images, self.area, self.aspect, generator))


@dataclass(frozen=True)
class PaddedCrop(Transform):
    """A window at a random position of the padded image, of the image's size unless `size` is given."""

    padding: int = 4
    mode: Literal["constant", "reflect"] = "constant"  # constant: black
    size: int | None = None

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        padded = F.pad(images, (self.padding,) * 4, self.mode)
        _, height, width = self.check(shape_of(images))
        top = random_below(padded.shape[2] - height + 1, generator, images)
        left = random_below(padded.shape[3] - width + 1, generator, images)
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
class Flip(Transform):
    """Mirrors an image left to right (horizontal) or upside down (vertical), with a given probability."""

    direction: Literal["horizontal", "vertical"] = "horizontal"
    probability: float = 0.5

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        axis = -1 if self.direction == "horizontal" else -2
        return torch.where(random_mask(self.probability, generator, images), images.flip(axis), images)


def draw_boxes(
    images: Tensor, area: tuple[float, float], aspect: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """A box per image (B, 4), as top, left, height and width in whole pixels: the first random one that fits."""
    (count, _, H, W), size = images.shape, (BOX_ATTEMPTS, len(images))
    pixels = H * W * random_uniform(size, *area, generator, images)
    ratio = random_uniform(size, math.log(aspect[0]), math.log(aspect[1]), generator, images).exp()
    width, height = (pixels * ratio).sqrt().round(), (pixels / ratio).sqrt().round()
    fits = (width > 0) & (width <= W) & (height > 0) & (height <= H)
    first = fits.int().argmax(0), torch.arange(count, device=images.device)
    central_height, central_width = central_box((H, W), aspect)
    height = height[first].where(fits[first], central_height)
    width = width[first].where(fits[first], central_width)
    top, left = random_below(H - height + 1, generator, images), random_below(W - width + 1, generator, images)
    top = top.where(fits[first], (H - height).div(2, rounding_mode="floor"))
    left = left.where(fits[first], (W - width).div(2, rounding_mode="floor"))
    return torch.stack([top, left, height, width], 1)


def central_box(sides: tuple[int, int], aspect: tuple[float, float]) -> tuple[int, int]:
    """Height and width of the largest box in an image (H, W) whose aspect is in the given range."""
    height, width = sides
    if width < height * aspect[0]:
        return round(width / aspect[0]), width
    return (height, round(height * aspect[1])) if width > height * aspect[1] else (height, width)


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """The box (B, 4) of each image (top, left, height, width in pixels), resized to the image's size."""
    H, W = images.shape[2:]
    top, left, height, width = boxes.to(images).unbind(1)
    rows, columns = sampling_coordinates(top, height, H), sampling_coordinates(left, width, W)
    grid = torch.stack([columns[:, None, :].expand(-1, H, W), rows[:, :, None].expand(-1, H, W)], -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def sampling_coordinates(start: Tensor, length: Tensor, side: int) -> Tensor:
    """Where each new pixel along a side is sampled (B, side), in coordinates from -1 to 1 between the old edges."""
    pixel = torch.arange(side, device=start.device, dtype=start.dtype)
    within = (pixel + 0.5) * (length / side)[:, None] - 0.5
    position = start[:, None] + within.clamp(min=0).minimum(length[:, None] - 1)  # never outside of the box
    return (2 * position + 1) / side - 1


def windows(images: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    """The window of each image (B, C, *size) that begins at a row (B,) and a column (B,)."""
    everywhere = images.unfold(2, size[0], 1).unfold(3, size[1], 1)  # a view: (B, C, tops, lefts, *size)
    return everywhere[torch.arange(len(images), device=images.device), :, top, left]


def center_crop(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The central window (B, C, *size) of images."""
    top, left = (round((old - new) / 2) for old, new in zip(images.shape[2:], size, strict=True))
    return images[:, :, top : top + size[0], left : left + size[1]]


def shape_of(images: Tensor) -> tuple[int, int, int]:
    """(C, H, W) of images (B, C, H, W)."""
    return images.shape[1], images.shape[2], images.shape[3]

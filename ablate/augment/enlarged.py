"""Transforms that are applied to enlarged images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.augment.transform import Transform
from ablate.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Enlarged(Transform):
    """Images enlarged to `side` pixels, transformed, and reduced with antialiasing to the size that they had."""

    side: int
    transforms: tuple[Transform, ...]

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        size = images.shape[2:]
        images = F.interpolate(images, (self.side, self.side), mode="bilinear")
        for transform in self.transforms:
            images = transform(images, generator)
        return F.interpolate(images, size, mode="bilinear", antialias=True).clamp(0, 1)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        inner = shape[0], self.side, self.side
        for transform in self.transforms:
            inner = transform.check(inner)
        return shape

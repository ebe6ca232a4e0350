"""Gaussian blur as in torchvision: separable, with reflection padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.augment.transform import Transform, random_mask, random_uniform
from ablate.deferred import F, torch
from ablate.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Blur(Transform):
    """Blurs an image with a Gaussian of random standard deviation, with a given probability."""

    kernel: int = 9  # pixels, odd
    sigma: tuple[float, float] = (0.1, 2.0)  # range of the standard deviation, in pixels
    probability: float = 0.5

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        sigma = random_uniform((len(images),), *self.sigma, generator, images)
        return torch.where(random_mask(self.probability, generator, images), blur(images, sigma, self.kernel), images)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(shape[1:]) <= self.kernel // 2:
            raise StudyError(
                f"a blur over {self.kernel} pixels is larger than images of {shape[1]} x {shape[2]} allow",
                f"use images of at least {self.kernel // 2 + 1} pixels a side, or an augmentation without blur",
            )
        return shape


def blur(images: Tensor, sigma: Tensor, kernel: int) -> Tensor:
    """Each image convolved with a Gaussian of its own standard deviation (B,) in pixels, over `kernel` pixels."""
    B, C, H, W = images.shape
    weight = gaussian_weights(sigma, kernel).repeat_interleave(C, 0)
    padded = F.pad(images, (kernel // 2,) * 4, mode="reflect").reshape(1, B * C, H + kernel - 1, W + kernel - 1)
    rows = F.conv2d(padded, weight[:, None, :, None], groups=B * C)
    return F.conv2d(rows, weight[:, None, None, :], groups=B * C).view(B, C, H, W)


def gaussian_weights(sigma: Tensor, kernel: int) -> Tensor:
    """Gaussian weights (B, kernel) that sum to 1."""
    distance = torch.arange(kernel, device=sigma.device, dtype=sigma.dtype) - kernel // 2
    return (-0.5 * (distance / sigma[:, None]).square()).softmax(1)

"""The interface of a random image transform, and its random numbers: all from one generator, on its device."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ablate.deferred import torch
from ablate.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor


class Transform(ABC):
    """Changes a batch of images, each with random numbers of its own."""

    @abstractmethod
    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → transformed images in [0, 1], on the same device."""

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The shape of transformed images of this shape.  Raises StudyError where such images do not fit."""
        return shape


def random_uniform(size: tuple[int, ...], low: float, high: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Numbers from [low, high), with the type and device of `like`."""
    drawn = torch.rand(size, generator=generator, device=generator.device)
    return (low + (high - low) * drawn).to(like)


def random_below(limit: Tensor | int, generator: torch.Generator, like: Tensor) -> Tensor:
    """One whole number (B,) per image from 0 ... limit - 1; the limit (B,) may differ between images."""
    drawn = random_uniform((len(like),), 0, 1, generator, like)
    return (drawn * limit).floor().clamp(max=limit - 1)  # a product may round up to the limit


def random_mask(probability: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Whether each image is transformed (B, 1, 1, 1)."""
    return random_uniform((len(like), 1, 1, 1), 0, 1, generator, like) < probability


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """A cached tensor of these values (n,), with the type and device of `like`."""
    return cached_constant(values, like.dtype, like.device)


@functools.cache
def cached_constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Cached, since a copy from the host waits for the accelerator and cannot be captured in a CUDA graph."""
    return torch.tensor(values, dtype=dtype, device=device)


def check_colour(name: str, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The shape.  Raises StudyError where images do not have the three channels red, green and blue."""
    if shape[0] != 3:
        raise StudyError(
            f"{name} needs images of 3 channels, not of {shape[0]}",
            "choose an augmentation without colour, such as 'simclr-grey'",
        )
    return shape

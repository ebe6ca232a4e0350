"""One random change of images, and how its numbers are drawn: all from the given generator, on its device."""

import functools
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ablate.errors import StudyError


class Step(ABC):
    """Changes a batch of images, each with its own draw."""

    @abstractmethod
    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → changed ones in [0, 1], on the same device."""

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The shape of what is made of images of this shape; StudyError where they do not fit."""
        return shape


def uniform(size: tuple[int, ...], low: float, high: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Numbers from [low, high), in the type and on the device of those that they are `like`."""
    drawn = torch.rand(size, generator=generator, device=generator.device)
    return (low + (high - low) * drawn).to(like)


def below(limit: Tensor | int, generator: torch.Generator, like: Tensor) -> Tensor:
    """One whole number (B,) for each image, from 0 ... limit - 1; the limit (B,) may differ between images."""
    drawn = uniform((len(like),), 0, 1, generator, like)
    return (drawn * limit).floor().clamp(max=limit - 1)  # a product may round up to the limit


def chosen(probability: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Whether an image is changed (B, 1, 1, 1)."""
    return uniform((len(like), 1, 1, 1), 0, 1, generator, like) < probability


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """The same numbers (n,) every time, in the type and on the device of those that they are `like`."""
    return kept_constant(values, like.dtype, like.device)


@functools.cache
def kept_constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Made once: an accelerator is waited for at every copy from the host, and none can be part of a CUDA graph."""
    return torch.tensor(values, dtype=dtype, device=device)


def check_colour(name: str, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """StudyError where images have no red, green and blue."""
    if shape[0] != 3:
        raise StudyError(
            f"{name} needs images of 3 channels, not of {shape[0]}",
            "choose an augmentation without colour, such as 'simclr-grey'",
        )
    return shape

"""Network-in-network and AlexNet encoders of VTE (Sinaga et al. 2022): images → flat features, without affine maps."""

from __future__ import annotations

import functools
import math

from ablate.deferred import nn, torch

MIN_SIDE = {"nin": 1, "alexnet": 21}  # pixels of the smallest image that each accepts


@functools.cache
def nin(shape: tuple[int, ...], width: int = 64) -> nn.Sequential:
    """Images (B, *shape) → (B, D) by a network in network; D is 512 for images of 32 x 32 at a `width` of 64.

    Two groups of a 5 x 5 and two 1 x 1 convolutions without bias, each with batch norm, then pooled with stride 2
    (Lin et al. 2014); `width` is a multiple of 8.
    """
    wide, half, few = 3 * width, 3 * width // 2, width // 8
    with torch.device("meta"):
        return nn.Sequential(
            *conv_batchnorm_relu(shape[0], wide, 5),
            *conv_batchnorm_relu(wide, 5 * width // 2, 1),
            *conv_batchnorm_relu(5 * width // 2, half, 1),
            nn.MaxPool2d(3, 2, 1),
            *conv_batchnorm_relu(half, wide, 5),
            *conv_batchnorm_relu(wide, wide, 1),
            *conv_batchnorm_relu(wide, few, 1),
            nn.AvgPool2d(3, 2, 1),
            nn.Flatten(),
        )


@functools.cache
def alexnet(shape: tuple[int, ...], width: int = 64) -> nn.Sequential:
    """Images (B, *shape) of at least 21 x 21 → (B, D); D is 1024 for images of 32 x 32 at a `width` of 64.

    Five convolutions with biases and without batch norm (Krizhevsky et al. 2012, with stride 1 for small images).
    """
    with torch.device("meta"):
        return nn.Sequential(
            *conv_relu(shape[0], width, 11, 2),
            nn.MaxPool2d(3, 2),
            *conv_relu(width, 3 * width, 5, 2),
            nn.MaxPool2d(3, 2),
            *conv_relu(3 * width, 6 * width, 3, 1),
            *conv_relu(6 * width, 4 * width, 3, 1),
            *conv_relu(4 * width, 4 * width, 3, 1),
            nn.MaxPool2d(3, 2),
            nn.Flatten(),
        )


def flat_dim(name: str, shape: tuple[int, ...], width: int = 64) -> int:
    """Dimension D of the output of 'nin' or 'alexnet' for images of one `shape`."""
    if name == "nin":
        return width // 8 * math.prod(math.ceil(side / 4) for side in shape[1:])
    return 4 * width * math.prod(pooled_side(pooled_side(pooled_side(side - 6))) for side in shape[1:])


def pooled_side(side: int) -> int:
    """A side after pooling of width 3 and stride 2 without padding."""
    return (side - 1) // 2


def conv_batchnorm_relu(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """A convolution without bias that keeps the sides, batch norm and ReLU."""
    from ablate.nets.batchnorm import BatchNorm

    convolution = nn.Conv2d(inputs, outputs, kernel, padding=(kernel - 1) // 2, bias=False)
    return [convolution, BatchNorm(outputs), nn.ReLU()]


def conv_relu(inputs: int, outputs: int, kernel: int, padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.ReLU()]

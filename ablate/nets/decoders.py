"""Networks from vectors back to inputs: the mirror images of the encoders, structures without parameters like them."""

import functools
import math
from itertools import pairwise

import torch
from torch import nn

from ablate.nets.encoders import FILTERS, HIDDEN, activation, mlp


@functools.cache
def decoder(kind: str, shape: tuple[int, ...], inputs: int, batchnorm: bool, output: str) -> nn.Sequential:
    """Vectors (B, inputs) → (B, *shape), in (0, 1) where the `output` is 'sigmoid', anywhere where it is 'linear'."""
    layers = mirrored_cnn(shape, inputs, batchnorm) if kind == "cnn" else mirrored_mlp(shape, inputs, batchnorm)
    return nn.Sequential(*layers, nn.Sigmoid()) if output == "sigmoid" else nn.Sequential(*layers)


def mirrored_mlp(shape: tuple[int, ...], inputs: int, batchnorm: bool) -> list[nn.Module]:
    return [*mlp((inputs, *reversed(HIDDEN), math.prod(shape)), batchnorm), nn.Unflatten(1, shape)]


def mirrored_cnn(shape: tuple[int, ...], inputs: int, batchnorm: bool) -> list[nn.Module]:
    """An affine map, then transposed 5 x 5 convolutions of stride 2 through the sides that the encoder saw."""
    channels, *sides = shape
    seen = [sides]  # from the image's sides to those of the smallest maps
    for _ in FILTERS:
        seen.append([(side + 1) // 2 for side in seen[-1]])
    height, width = seen[-1]
    deepest = FILTERS[-1]
    with torch.device("meta"):
        layers: list[nn.Module] = [
            nn.Linear(inputs, deepest * height * width),
            nn.Unflatten(1, (deepest, height, width)),
        ]
        filters = pairwise((*reversed(FILTERS), channels))
        for (before, after), (small, large) in zip(filters, pairwise(reversed(seen)), strict=True):
            odd = [size - (2 * side - 1) for side, size in zip(small, large, strict=True)]  # 1 where a side was even
            layers += [*activation(before, batchnorm), unfolded(before, after, (odd[0], odd[1]))]
    return layers


def unfolded(before: int, after: int, odd: tuple[int, int]) -> nn.ConvTranspose2d:
    """Sides s → 2 s - 1, plus what is left over."""
    return nn.ConvTranspose2d(before, after, 5, stride=2, padding=2, output_padding=odd)

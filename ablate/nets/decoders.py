"""Decoders from vectors to inputs that mirror the encoders of encoders.py, as modules without values (meta device)."""

from __future__ import annotations

import functools
import math
from itertools import pairwise

from ablate.deferred import nn, torch
from ablate.nets.encoders import FILTERS, HIDDEN, activation, mlp


@functools.cache
def decoder(kind: str, shape: tuple[int, ...], inputs: int, batchnorm: bool, output: str) -> nn.Sequential:
    """Vectors (B, inputs) → (B, *shape), by an 'mlp' or a 'cnn'; in (0, 1) for `output` 'sigmoid', else unbounded."""
    layers = mirrored_cnn(shape, inputs, batchnorm) if kind == "cnn" else mirrored_mlp(shape, inputs, batchnorm)
    return nn.Sequential(*layers, nn.Sigmoid()) if output == "sigmoid" else nn.Sequential(*layers)


def mirrored_mlp(shape: tuple[int, ...], inputs: int, batchnorm: bool) -> list[nn.Module]:
    return [*mlp((inputs, *reversed(HIDDEN), math.prod(shape)), batchnorm), nn.Unflatten(1, shape)]


def mirrored_cnn(shape: tuple[int, ...], inputs: int, batchnorm: bool) -> list[nn.Module]:
    """An affine map, then transposed 5 x 5 convolutions of stride 2 through the encoder's map sizes in reverse."""
    channels, *image = shape
    sizes = [image]  # (H, W) from the image to the smallest maps
    for _ in FILTERS:
        sizes.append([(side + 1) // 2 for side in sizes[-1]])
    height, width = sizes[-1]
    deepest = FILTERS[-1]
    with torch.device("meta"):
        layers: list[nn.Module] = [
            nn.Linear(inputs, deepest * height * width),
            nn.Unflatten(1, (deepest, height, width)),
        ]
        filters = pairwise((*reversed(FILTERS), channels))
        for (before, after), (small, large) in zip(filters, pairwise(reversed(sizes)), strict=True):
            padding = [size - (2 * side - 1) for side, size in zip(small, large, strict=True)]  # 1 for an even side
            layers += [*activation(before, batchnorm), transposed_conv(before, after, (padding[0], padding[1]))]
    return layers


def transposed_conv(before: int, after: int, output_padding: tuple[int, int]) -> nn.ConvTranspose2d:
    """Sides s → 2 s - 1 + output padding."""
    return nn.ConvTranspose2d(before, after, 5, stride=2, padding=2, output_padding=output_padding)

"""MLP and CNN encoders from inputs to vectors, as modules without values (meta device), built once per setting."""

from __future__ import annotations

import functools
import math
from itertools import pairwise

from ablate.deferred import nn, torch

HIDDEN = (1024, 1024)  # units of the MLP
FILTERS = (128, 256, 512)  # of the CNN


def encoder(kind: str, shape: tuple[int, ...], outputs: int, batchnorm: bool) -> nn.Sequential:
    """Inputs (B, *shape) → (B, outputs), by an 'mlp' or, for images (C, H, W), a 'cnn' (Ntelemis et al. 2022, IV-B)."""
    if kind == "cnn":
        channels, height, width = shape
        return cnn((channels, height, width), outputs, batchnorm)
    return mlp((math.prod(shape), *HIDDEN, outputs), batchnorm)


@functools.cache
def mlp(widths: tuple[int, ...], batchnorm: bool) -> nn.Sequential:
    """Inputs (B, ...), flattened to (B, widths[0]) → (B, widths[-1]).

    Affine maps with biases between the widths, followed by batch norm (if `batchnorm`) and ReLU, except the last.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    with torch.device("meta"):
        for inputs, outputs in pairwise(widths[:-1]):
            layers += [nn.Linear(inputs, outputs), *activation(outputs, batchnorm)]
        return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


@functools.cache
def cnn(shape: tuple[int, int, int], outputs: int, batchnorm: bool) -> nn.Sequential:
    """Images (B, C, H, W) of one `shape` (C, H, W) → (B, outputs).

    Three 5 x 5 convolutions of stride 2 with 128, 256 and 512 filters, then an affine map (Ntelemis et al. 2022, IV-B).
    """
    channels, *sides = shape
    layers: list[nn.Module] = []
    with torch.device("meta"):
        for inputs, filters in pairwise((channels, *FILTERS)):
            layers += [nn.Conv2d(inputs, filters, 5, stride=2, padding=2), *activation(filters, batchnorm)]
            sides = [(side + 1) // 2 for side in sides]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(FILTERS[-1] * math.prod(sides), outputs))


@functools.cache
def pooled_cnn(channels: int, axes: int, filters: int, outputs: int, batchnorm: bool) -> nn.Sequential:
    """Segments (B, C, ...) of any size along one or two axes → (B, outputs).

    Three convolutions of width 5 and stride 1 with `filters`, 2 and 4 times `filters`, global average pooling, and an
    affine map.
    """
    convolution = (nn.Conv1d, nn.Conv2d)[axes - 1]
    pool = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)[axes - 1]
    layers: list[nn.Module] = []
    with torch.device("meta"):
        for before, after in pairwise((channels, filters, 2 * filters, 4 * filters)):
            layers += [convolution(before, after, 5, padding=2), *activation(after, batchnorm)]
        return nn.Sequential(*layers, pool(1), nn.Flatten(), nn.Linear(4 * filters, outputs))


def activation(features: int, batchnorm: bool) -> list[nn.Module]:
    """ReLU, after batch norm if `batchnorm`."""
    from ablate.nets.batchnorm import BatchNorm

    return [BatchNorm(features), nn.ReLU()] if batchnorm else [nn.ReLU()]

"""Networks from inputs to vectors, as structures without parameters (on the meta device), built once per setting."""

import functools
import math
from itertools import pairwise

import torch
from torch import nn

from ablate.nets.batchnorm import BatchNorm

FILTERS = (128, 256, 512)


@functools.cache
def mlp(widths: tuple[int, ...], batchnorm: bool) -> nn.Sequential:
    """Affine maps between the widths, with batch norm (where asked for) and ReLU after all but the last.

    Inputs (B, ...) are flattened to (B, widths[0]).
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


def activation(features: int, batchnorm: bool) -> list[nn.Module]:
    return [BatchNorm(features), nn.ReLU()] if batchnorm else [nn.ReLU()]

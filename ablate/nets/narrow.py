"""The networks of SimVAE: a narrow ResNet-18, an MLP, and the decoders that mirror them (Bizeul et al. 2024)."""

from __future__ import annotations

import functools
import math
from itertools import pairwise
from typing import TYPE_CHECKING

from ablate.deferred import nn, torch
from ablate.nets.encoders import mlp
from ablate.nets.residual import basic_block

if TYPE_CHECKING:
    from ablate.nets.layers import Residual

HIDDEN = (500, 500, 2000)  # units of the MLP
LARGE = 64  # pixels: smallest side with the stem for CelebA


@functools.cache
def narrow_encoder(shape: tuple[int, ...], outputs: int, width: int = 64) -> nn.Sequential:
    """Images (B, *shape) → (B, outputs), through stages of 32, 64 and 128 channels at a `width` of 64.

    The stem has `width` filters of 3 x 3, or of 4 x 4 from 64 pixels on, and max pooling.  Each stage has two basic
    blocks, the first with a convolution as shortcut.  The last maps are flattened, not averaged.
    """
    from ablate.nets.batchnorm import BatchNorm
    from ablate.nets.layers import FanOutConv2d

    channels, *sides = shape
    large = max(sides) >= LARGE
    kernel = 4 if large else 3
    flat = 2 * width * math.prod(halved_side(side - kernel + 1, 3) for side in sides)  # by pooling and two stages
    with torch.device("meta"):
        stem = FanOutConv2d(channels, width, kernel, bias=not large)
        layers = [stem, BatchNorm(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        for index, (before, after) in enumerate(pairwise((width, width // 2, width, 2 * width))):
            first = basic_block(before, after, 1 if index == 0 else 2, projected=True)
            layers.append(nn.Sequential(first, basic_block(after, after, 1)))
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, outputs))


@functools.cache
def narrow_decoder(shape: tuple[int, ...], inputs: int, identity: bool = False, width: int = 64) -> nn.Sequential:
    """Vectors (B, inputs) → images (B, *shape) in (0, 1), from 512 channels on a sixteenth of the sides.

    Three stages halve the channels and double the sides, one keeps both, and a last convolution doubles the sides.
    Blocks that keep channels and sides have an identity shortcut if `identity` (none in the authors' code).
    """
    channels, *sides = shape
    paddings = [output_padding(sides, halvings) for halvings in (3, 2, 1, 0)]
    folded = (8 * width, *(halved_side(side, 4) for side in sides))
    with torch.device("meta"):
        layers: list[nn.Module] = [nn.Linear(inputs, math.prod(folded)), nn.Unflatten(1, folded)]
        for index, (before, after) in enumerate(pairwise((8 * width, 4 * width, 2 * width, width))):
            first = same_size_block(before, identity)
            layers.append(nn.Sequential(first, upsampling_block(before, after, paddings[index])))
        layers.append(nn.Sequential(same_size_block(width, identity), same_size_block(width, identity)))
        return nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 7, 2, 3, paddings[-1]), nn.Sigmoid())


def simvae_mlp(shape: tuple[int, ...], outputs: int, width: int = 64) -> nn.Sequential:
    """Inputs (B, *shape) → (B, outputs), with 500, 500 and 2000 hidden units at a `width` of 64."""
    return mlp((math.prod(shape), *hidden_units(width), outputs), False)


@functools.cache
def simvae_mlp_decoder(shape: tuple[int, ...], inputs: int, width: int = 64) -> nn.Sequential:
    """Vectors (B, inputs) → (B, *shape) in (0, 1), the mirror image of `simvae_mlp`."""
    layers = mlp((inputs, *reversed(hidden_units(width)), math.prod(shape)), False)
    return nn.Sequential(*layers, nn.Unflatten(1, shape), nn.Sigmoid())


def hidden_units(width: int) -> tuple[int, ...]:
    return tuple(units * width // 64 for units in HIDDEN)


def same_size_block(channels: int, identity: bool) -> nn.Module:
    """Two transposed convolutions that keep channels and sides."""
    from ablate.nets.layers import Residual

    path = [
        *transposed_conv_batchnorm(channels, channels, 3),
        nn.ReLU(),
        *transposed_conv_batchnorm(channels, channels, 3),
    ]
    return Residual(nn.Sequential(*path)) if identity else nn.Sequential(*path, nn.ReLU())


def upsampling_block(before: int, after: int, padding: tuple[int, int]) -> Residual:
    """Two transposed convolutions, the first of stride 2; the shortcut is a 1 x 1 one of stride 2."""
    from ablate.nets.layers import Residual

    path = nn.Sequential(
        *transposed_conv_batchnorm(before, after, 3, 2, padding),
        nn.ReLU(),
        *transposed_conv_batchnorm(after, after, 3),
    )
    return Residual(path, nn.Sequential(*transposed_conv_batchnorm(before, after, 1, 2, padding)))


def transposed_conv_batchnorm(
    before: int, after: int, kernel: int, stride: int = 1, output_padding: tuple[int, int] = (0, 0)
) -> list[nn.Module]:
    """A transposed convolution, which takes sides s to 2 s - 1 + output padding if its stride is 2, and batch norm."""
    from ablate.nets.batchnorm import BatchNorm

    padding = (kernel - 1) // 2
    return [nn.ConvTranspose2d(before, after, kernel, stride, padding, output_padding, bias=False), BatchNorm(after)]


def halved_side(side: int, times: int) -> int:
    """A side after so many layers of stride 2, each of which rounds up."""
    return math.ceil(side / (1 << times))


def output_padding(sides: list[int], halvings: int) -> tuple[int, int]:
    """What a transposed convolution must add to reach the sides after so many halvings: 1 to even ones, 0 to odd."""
    height, width = (halved_side(side, halvings) for side in sides)
    return (height + 1) % 2, (width + 1) % 2

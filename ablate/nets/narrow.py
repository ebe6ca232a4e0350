"""The networks of SimVAE: a narrow ResNet-18, a perceptron, and the decoders that mirror them (Bizeul et al. 2024)."""

import functools
import math
from itertools import pairwise

import torch
from torch import nn

from ablate.nets.batchnorm import BatchNorm
from ablate.nets.encoders import mlp
from ablate.nets.residual import FanOutConv2d, Residual, basic

HIDDEN = (500, 500, 2000)  # of the perceptron
LARGE = 64  # pixels: from this side on, the stem is CelebA's


@functools.cache
def narrow_encoder(shape: tuple[int, ...], outputs: int, width: int = 64) -> nn.Sequential:
    """Images (B, *shape) → (B, outputs), through stages of 32, 64 and 128 channels at a `width` of 64.

    The stem has `width` filters of 3 x 3, or of 4 x 4 from 64 pixels on, and max pooling; the stages are of two basic
    blocks, whose first shortcut is always a convolution; the last maps are flattened, not averaged.
    """
    channels, *sides = shape
    large = max(sides) >= LARGE
    kernel = 4 if large else 3
    flat = 2 * width * math.prod(halved(side - kernel + 1, 3) for side in sides)  # by pooling and two stages
    with torch.device("meta"):
        stem = FanOutConv2d(channels, width, kernel, bias=not large)
        layers = [stem, BatchNorm(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        for place, (before, after) in enumerate(pairwise((width, width // 2, width, 2 * width))):
            first = basic(before, after, 1 if place == 0 else 2, projected=True)
            layers.append(nn.Sequential(first, basic(after, after, 1)))
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, outputs))


@functools.cache
def narrow_decoder(shape: tuple[int, ...], inputs: int, identity: bool = False, width: int = 64) -> nn.Sequential:
    """Vectors (B, inputs) → images (B, *shape) in (0, 1), from 512 channels on a sixteenth of the sides.

    Three stages halve the channels and double the sides, one keeps them, a last convolution doubles the sides.  Blocks
    that change no size have a shortcut where `identity` is asked for (the authors' code has none).
    """
    channels, *sides = shape
    odd = [left_over(sides, times) for times in (3, 2, 1, 0)]
    folded = (8 * width, *(halved(side, 4) for side in sides))
    with torch.device("meta"):
        layers: list[nn.Module] = [nn.Linear(inputs, math.prod(folded)), nn.Unflatten(1, folded)]
        for place, (before, after) in enumerate(pairwise((8 * width, 4 * width, 2 * width, width))):
            layers.append(nn.Sequential(plain(before, identity), upward(before, after, odd[place])))
        layers.append(nn.Sequential(plain(width, identity), plain(width, identity)))
        return nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 7, 2, 3, odd[-1]), nn.Sigmoid())


def simvae_mlp(shape: tuple[int, ...], outputs: int, width: int = 64) -> nn.Sequential:
    """Inputs (B, *shape) → (B, outputs), with 500, 500 and 2000 hidden units at a `width` of 64."""
    return mlp((math.prod(shape), *hidden(width), outputs), False)


@functools.cache
def simvae_mlp_decoder(shape: tuple[int, ...], inputs: int, width: int = 64) -> nn.Sequential:
    """Vectors (B, inputs) → (B, *shape) in (0, 1), the mirror image of `simvae_mlp`."""
    layers = mlp((inputs, *reversed(hidden(width)), math.prod(shape)), False)
    return nn.Sequential(*layers, nn.Unflatten(1, shape), nn.Sigmoid())


def hidden(width: int) -> tuple[int, ...]:
    return tuple(units * width // 64 for units in HIDDEN)


def plain(channels: int, identity: bool) -> nn.Module:
    """Two transposed convolutions that change no size."""
    path = [*unfolded(channels, channels, 3), nn.ReLU(), *unfolded(channels, channels, 3)]
    return Residual(nn.Sequential(*path)) if identity else nn.Sequential(*path, nn.ReLU())


def upward(before: int, after: int, odd: tuple[int, int]) -> Residual:
    """Two transposed convolutions, the first of stride 2; the shortcut is one of 1 x 1."""
    path = nn.Sequential(*unfolded(before, after, 3, 2, odd), nn.ReLU(), *unfolded(after, after, 3))
    return Residual(path, nn.Sequential(*unfolded(before, after, 1, 2, odd)))


def unfolded(before: int, after: int, kernel: int, stride: int = 1, odd: tuple[int, int] = (0, 0)) -> list[nn.Module]:
    """A transposed convolution, which takes sides s to 2 s - 1 plus what is left over where its stride is 2."""
    padding = (kernel - 1) // 2
    return [nn.ConvTranspose2d(before, after, kernel, stride, padding, odd, bias=False), BatchNorm(after)]


def halved(side: int, times: int) -> int:
    """A side after layers of stride 2, each of which rounds up."""
    return math.ceil(side / (1 << times))


def left_over(sides: list[int], times: int) -> tuple[int, int]:
    """What is left over of both sides when they are halved once more: 1 where the halved side is even."""
    height, width = (halved(side, times) for side in sides)
    return (height + 1) % 2, (width + 1) % 2

"""Decoders that mirror the ResNets of resnet.py, without batch norm (Falcon et al. 2021)."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from ablate.deferred import nn, torch
from ablate.nets.resnet import DEPTHS, EXPANSION, stem_for

if TYPE_CHECKING:
    from ablate.nets.layers import Residual

MAP_SIDE = 4  # side of the maps that a vector is reshaped to


@functools.cache
def inverted_resnet(
    name: str, shape: tuple[int, ...], inputs: int, width: int = 64, hidden: int = 2048
) -> nn.Sequential:
    """Vectors (B, inputs) → images (B, *shape), unbounded, by the mirror image of the ResNet of this `name`.

    Two affine maps of `hidden` units, reshaped to 4 x 4 maps, then four stages whose channels halve while the sides
    double; large images are doubled once more at the end.  The published size is a `width` of 64 with 2048 `hidden`
    units, which must be a multiple of 16.
    """
    channels, *sides = shape
    doublings = 4 if stem_for(shape) == "7x7" else 3
    sizes = [(math.ceil(sides[0] / 2**n), math.ceil(sides[1] / 2**n)) for n in reversed(range(doublings + 1))]
    folded, before = hidden // MAP_SIDE**2, hidden
    with torch.device("meta"):
        layers: list[nn.Module] = [
            *[nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()],
            *[nn.Unflatten(1, (folded, MAP_SIDE, MAP_SIDE)), nn.Conv2d(folded, hidden, 1), nn.ReLU()],
        ]
        for index, depth in enumerate(reversed(DEPTHS[name])):
            after = 4 * width // 2**index * EXPANSION[name]
            layers.append(upsampling_stage(name, before, after, depth, sizes[index]))
            before = after
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), *resized(sizes[4] if doublings == 4 else None)]
        return nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1))


def upsampling_stage(name: str, before: int, after: int, depth: int, sides: tuple[int, int]) -> nn.Sequential:
    """Blocks of one width, the first of which changes the channels and resizes the maps to `sides`."""
    block = basic_block if EXPANSION[name] == 1 else bottleneck_block
    rest = (block(after, after) for _ in range(depth - 1))
    return nn.Sequential(block(before, after, sides), *rest)


def basic_block(before: int, after: int, sides: tuple[int, int] | None = None) -> Residual:
    """Two 3 x 3 convolutions, after a resize if `sides` are given."""
    from ablate.nets.layers import Residual

    first = nn.Conv2d(before, after, 3, padding=1)
    path = [*resized(sides), first, nn.ReLU(), nn.Conv2d(after, after, 3, padding=1)]
    return Residual(nn.Sequential(*path), resized_shortcut(before, after, sides))


def bottleneck_block(before: int, after: int, sides: tuple[int, int] | None = None) -> Residual:
    """Convolutions of 1 x 1, 3 x 3 and 1 x 1, the inner ones a quarter as wide, resized before the 3 x 3."""
    from ablate.nets.layers import Residual

    inner = after // 4
    narrow = [nn.Conv2d(before, inner, 1), nn.ReLU(), *resized(sides), nn.Conv2d(inner, inner, 3, padding=1), nn.ReLU()]
    return Residual(nn.Sequential(*narrow, nn.Conv2d(inner, after, 1)), resized_shortcut(before, after, sides))


def resized_shortcut(before: int, after: int, sides: tuple[int, int] | None) -> nn.Module | None:
    """None for the identity, or a 1 x 1 convolution and a resize to `sides`.

    The convolution commutes with the resize, and is a quarter of the work when it comes first.
    """
    return None if sides is None else nn.Sequential(nn.Conv2d(before, after, 1), *resized(sides))


def resized(sides: tuple[int, int] | None) -> list[nn.Module]:
    """A nearest-neighbour resize, whose gradient torch sums in a fixed order on every device; nothing for None."""
    return [] if sides is None else [nn.Upsample(sides)]

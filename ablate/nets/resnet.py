"""ResNet-18, -34 and -50 from images to pooled features, as modules without values (meta device)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ablate.deferred import nn, torch
from ablate.nets.residual import basic_block, bottleneck_block, conv_batchnorm

if TYPE_CHECKING:
    from ablate.nets.layers import Residual

DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}  # blocks per stage
EXPANSION = {"resnet18": 1, "resnet34": 1, "resnet50": 4}  # output channels of a stage over its width
STEMS = {"3x3": (3, 1), "7x7": (7, 2)}  # kernel and stride
LARGE = 64  # pixels: for larger images the stem halves the sides


@functools.cache
def resnet(name: str, channels: int, stem: str, width: int = 64) -> nn.Sequential:
    """Images (B, C, H, W) → pooled features (B, D), D = `resnet_dim(name, width)` (He et al. 2016, table 1, v1.5).

    No max pooling follows the stem: '3x3' keeps the sides, '7x7' halves them.  Without its last layer the network
    gives the maps before pooling.  A `width` of 64 is the published size.
    """
    from ablate.nets.layers import SpatialMean

    kernel, stride = STEMS[stem]
    inputs = width
    with torch.device("meta"):
        layers: list[nn.Module] = [*conv_batchnorm(channels, width, kernel, stride), nn.ReLU()]
        for index, depth in enumerate(DEPTHS[name]):
            outputs = width * 2**index * EXPANSION[name]
            layers.append(stage(name, inputs, outputs, depth, 1 if index == 0 else 2))
            inputs = outputs
    return nn.Sequential(*layers, SpatialMean())


def stem_for(shape: tuple[int, ...]) -> str:
    """The stem for images (C, H, W): '3x3' up to 64 pixels (CIFAR-10), '7x7' for larger ones (STL-10)."""
    return "7x7" if max(shape[1:]) > LARGE else "3x3"


def resnet_dim(name: str, width: int = 64) -> int:
    """Dimension of the output of `resnet`: 2048 for ResNet-50 of width 64, 512 for the smaller ones."""
    return 8 * width * EXPANSION[name]


def stage(name: str, inputs: int, outputs: int, depth: int, stride: int) -> nn.Sequential:
    """Blocks of one width, the first of which changes the channels and the sides."""
    return nn.Sequential(
        block(name, inputs, outputs, stride), *(block(name, outputs, outputs, 1) for _ in range(depth - 1))
    )


def block(name: str, inputs: int, outputs: int, stride: int) -> Residual:
    return basic_block(inputs, outputs, stride) if EXPANSION[name] == 1 else bottleneck_block(inputs, outputs, stride)

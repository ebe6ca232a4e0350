"""Residual networks from images to pooled features, as structures without parameters."""

import functools

import torch
from torch import nn

from ablate.nets.residual import Residual, SpatialMean, basic, bottleneck, normalized

DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}  # blocks per stage
EXPANSION = {"resnet18": 1, "resnet34": 1, "resnet50": 4}  # of the stages' channels over their width
STEMS = {"3x3": (3, 1), "7x7": (7, 2)}  # kernel and stride
LARGE = 64  # pixels: larger images are halved by the stem


@functools.cache
def resnet(name: str, channels: int, stem: str, width: int = 64) -> nn.Sequential:
    """Images (B, C, H, W) → pooled features (B, `features(name, width)`) (He et al. 2016, table 1, version 1.5).

    No max pooling follows the stem: '3x3' keeps the sides, '7x7' halves them.  All but the last layer gives the maps
    before pooling.  A `width` of 64 is the published size.
    """
    kernel, stride = STEMS[stem]
    inputs = width
    with torch.device("meta"):
        layers: list[nn.Module] = [*normalized(channels, width, kernel, stride), nn.ReLU()]
        for place, depth in enumerate(DEPTHS[name]):
            outputs = width * 2**place * EXPANSION[name]
            layers.append(stage(name, inputs, outputs, depth, 1 if place == 0 else 2))
            inputs = outputs
    return nn.Sequential(*layers, SpatialMean())


def stem_for(shape: tuple[int, ...]) -> str:
    """The stem that suits images (C, H, W): '3x3' for those of CIFAR-10, '7x7' for those of STL-10."""
    return "7x7" if max(shape[1:]) > LARGE else "3x3"


def features(name: str, width: int = 64) -> int:
    """Dimension of what `resnet` gives: 2048 for ResNet-50 of width 64, 512 for the smaller ones."""
    return 8 * width * EXPANSION[name]


def stage(name: str, inputs: int, outputs: int, depth: int, stride: int) -> nn.Sequential:
    """Blocks of one width, the first of which changes the channels and the sides."""
    return nn.Sequential(
        block(name, inputs, outputs, stride), *(block(name, outputs, outputs, 1) for _ in range(depth - 1))
    )


def block(name: str, inputs: int, outputs: int, stride: int) -> Residual:
    return basic(inputs, outputs, stride) if EXPANSION[name] == 1 else bottleneck(inputs, outputs, stride)

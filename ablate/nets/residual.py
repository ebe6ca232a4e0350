"""Blocks of residual networks: paths of convolutions and batch norm, with their shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.deferred import nn

if TYPE_CHECKING:
    from ablate.nets.layers import Residual


def conv_batchnorm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """A convolution without bias that divides the sides by the stride, rounded up, and batch norm."""
    from ablate.nets.batchnorm import BatchNorm
    from ablate.nets.layers import FanOutConv2d

    padding = (kernel - 1) // 2
    return [FanOutConv2d(inputs, outputs, kernel, stride, padding, bias=False), BatchNorm(outputs)]


def basic_block(inputs: int, outputs: int, stride: int, *, projected: bool = False) -> Residual:
    """Two 3 x 3 convolutions; the shortcut is a 1 x 1 convolution where sizes differ, or where `projected`."""
    from ablate.nets.layers import Residual

    path = nn.Sequential(*conv_batchnorm(inputs, outputs, 3, stride), nn.ReLU(), *conv_batchnorm(outputs, outputs, 3))
    return Residual(path, conv_shortcut(inputs, outputs, stride, projected=projected))


def bottleneck_block(inputs: int, outputs: int, stride: int) -> Residual:
    """Convolutions of 1 x 1, 3 x 3 (with the stride: version 1.5) and 1 x 1, the inner ones a quarter as wide."""
    from ablate.nets.layers import Residual

    inner = outputs // 4
    path = nn.Sequential(
        *conv_batchnorm(inputs, inner, 1),
        nn.ReLU(),
        *conv_batchnorm(inner, inner, 3, stride),
        nn.ReLU(),
        *conv_batchnorm(inner, outputs, 1),
    )
    return Residual(path, conv_shortcut(inputs, outputs, stride))


def conv_shortcut(inputs: int, outputs: int, stride: int, *, projected: bool = False) -> nn.Module | None:
    """A 1 x 1 convolution with batch norm, or None where the inputs can be added as they are."""
    needed = projected or stride > 1 or inputs != outputs
    return nn.Sequential(*conv_batchnorm(inputs, outputs, 1, stride)) if needed else None

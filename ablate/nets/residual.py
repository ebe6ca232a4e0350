"""Building blocks of residual networks: initialization by fan out, residual sums, blocks and pooling."""

from torch import Tensor, nn
from torch.nn import functional as F

from ablate.nets.batchnorm import BatchNorm


class FanOutConv2d(nn.Conv2d):
    """A convolution whose weights are drawn from N(0, 2 / fan out) (He et al. 2015, eq. 14)."""


class Residual(nn.Module):
    """relu(path(x) + shortcut(x))."""

    def __init__(self, path: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.path = path
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, inputs: Tensor) -> Tensor:
        return F.relu(self.path(inputs) + self.shortcut(inputs))


class SpatialMean(nn.Module):
    """Maps (B, C, H, W) → their means over all positions (B, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))


def conv_batchnorm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """A convolution without bias that divides the sides by the stride, rounded up, and batch norm."""
    padding = (kernel - 1) // 2
    return [FanOutConv2d(inputs, outputs, kernel, stride, padding, bias=False), BatchNorm(outputs)]


def basic_block(inputs: int, outputs: int, stride: int, *, projected: bool = False) -> Residual:
    """Two 3 x 3 convolutions; the shortcut is a 1 x 1 convolution where sizes differ, or where `projected`."""
    path = nn.Sequential(*conv_batchnorm(inputs, outputs, 3, stride), nn.ReLU(), *conv_batchnorm(outputs, outputs, 3))
    return Residual(path, conv_shortcut(inputs, outputs, stride, projected=projected))


def bottleneck_block(inputs: int, outputs: int, stride: int) -> Residual:
    """Convolutions of 1 x 1, 3 x 3 (with the stride: version 1.5) and 1 x 1, the inner ones a quarter as wide."""
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

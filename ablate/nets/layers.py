"""Layers of residual networks; importing them loads torch, so functions that build networks import them."""

from torch import Tensor, nn
from torch.nn import functional as F


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

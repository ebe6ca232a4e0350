"""Colour jitter, grayscale and channel drop, by torchvision's formulas.

Intermediate tensors are changed in place: on a CPU, allocating memory takes longer than the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.augment.transform import Transform, check_colour, random_below, random_mask, random_uniform
from ablate.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
TINY = 1e-12  # keeps the hue of grey finite
RED, GREEN, BLUE = 0.2989, 0.587, 0.114  # shares of luminance, ITU-R 601-2


@dataclass(frozen=True)
class Jitter(Transform):
    """Changes brightness, contrast, saturation and hue, in a random order per image, with a given probability."""

    strength: float  # brightness, contrast and saturation are multiplied by 1 - strength ... 1 + strength
    hue: float  # largest shift of the hue, where 1 is the whole colour circle
    probability: float = 0.8

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        changed = jitter(images, *self.draw(images, generator))
        return torch.where(random_mask(self.probability, generator, images), changed, images)

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Factors (B, 3), shifts of the hue (B,) and ranks of the four changes (B, 4), as `jitter` takes them."""
        count = len(images)
        factor = random_uniform((count, 3), max(0.0, 1 - self.strength), 1 + self.strength, generator, images)
        shift = random_uniform((count,), -self.hue, self.hue, generator, images)
        return factor, shift, random_uniform((count, 4), 0, 1, generator, images).argsort(1)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return check_colour("colour jitter", shape)


@dataclass(frozen=True)
class Grayscale(Transform):
    """Sets all three channels to the luminance, with a given probability."""

    probability: float = 0.2

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return torch.where(random_mask(self.probability, generator, images), luminance(images), images)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return check_colour("grayscale", shape)


@dataclass(frozen=True)
class ChannelDrop(Transform):
    """Sets one random channel of the three to zero, with a given probability."""

    probability: float = 0.2

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        dropped = random_below(3, generator, images)
        dropped = dropped.where(random_mask(self.probability, generator, images).flatten(), -torch.ones_like(dropped))
        return drop_channel(images, dropped)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return check_colour("channel drop", shape)


def jitter(images: Tensor, factor: Tensor, shift: Tensor, rank: Tensor) -> Tensor:
    """Images (B, 3, H, W) with the four changes, each image in an order of its own.

    `factor` (B, 3) of brightness, contrast and saturation; `shift` (B,) of the hue; `rank` (B, 4) of each change in
    the image's order.  Three blends are computed before the hue and three after it, with a factor of 1 where a change
    belongs on the other side, so that images of all orders are computed together.
    """
    order = rank[:, :HUE].argsort(1)
    early = rank[:, :HUE] < rank[:, HUE:]
    before, after = factor.where(early, 1), factor.where(~early, 1)
    images = shift_hue(blend_in_order(images, before, order), shift)
    return blend_in_order(images, after, order)


def blend_in_order(images: Tensor, factor: Tensor, order: Tensor) -> Tensor:
    """Brightness, contrast and saturation multiplied by `factor` (B, 3), in the `order` (B, 3) of each image."""
    for change, ratio in zip(order.unbind(1), factor.gather(1, order).unbind(1), strict=True):
        images = blend(images, change, ratio)
    return images


def blend(images: Tensor, change: Tensor, ratio: Tensor) -> Tensor:
    """`ratio` (B,) times the image plus 1 - `ratio` times the target of its `change` (B,), clamped to [0, 1].

    The target is black for brightness, the mean luminance for contrast, and the luminance for saturation.
    """
    change, ratio = change[:, None, None, None], ratio[:, None, None, None]
    grey = luminance(images)
    mean = grey.mean((1, 2, 3), keepdim=True)
    target = grey.mul_(change == SATURATION).add_(mean * (change == CONTRAST))
    return torch.lerp(target, images, ratio).clamp_(0, 1)


def luminance(images: Tensor) -> Tensor:
    """Colour images (B, 3, H, W) → (B, 1, H, W)."""
    red, green, blue = images.unbind(1)
    return (RED * red).add_(green, alpha=GREEN).add_(blue, alpha=BLUE)[:, None]


def shift_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Images with the hue shifted by `shift` (B,), where 1 is the whole colour circle; value and saturation stay.

    With hue h in sixths of the circle, value v and chroma c, a channel is v - c max(0, min(k, 4 - k, 1)) for
    k = (n + h) mod 6 and n = 5, 3, 1 for red, green, blue.
    """
    red, green, blue = images.unbind(1)
    value = images.amax(1)
    chroma = value - images.amin(1)
    safe = chroma.clamp(min=TINY)
    not_red = (blue - red).div_(safe).add_(2).where(value == green, (red - green).div_(safe).add_(4))
    hue = (green - blue).div_(safe).where(value == red, not_red).add_(6 * shift[:, None, None])
    start = torch.arange(5, 0, -2, device=images.device, dtype=images.dtype)
    k = (hue[:, None] + start[:, None, None]).remainder_(6)
    below_value = torch.minimum(k, 4 - k).clamp_(0, 1).mul_(chroma[:, None])
    return value[:, None] - below_value


def drop_channel(images: Tensor, channel: Tensor) -> Tensor:
    """Images with one channel (B,) of each set to zero; none where the channel is -1."""
    channels = torch.arange(images.shape[1], device=images.device)
    return images * (channels != channel[:, None])[:, :, None, None]

"""Changes of colour, with torchvision's formulas.

What is made on the way is changed in place: fresh memory costs a processor more than the sums do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ablate.augment.step import Step, below, check_colour, chosen, uniform

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
TINY = 1e-12  # keeps the hue of grey finite
RED, GREEN, BLUE = 0.2989, 0.587, 0.114  # shares of luminance, ITU-R 601-2


@dataclass(frozen=True)
class Jitter(Step):
    """Brightness, contrast, saturation and hue change at random, in an order of each image's own."""

    strength: float  # brightness, contrast and saturation are multiplied by 1 - strength ... 1 + strength
    hue: float  # most that the hue is turned, in turns
    probability: float = 0.8

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        changed = jitter(images, *self.draw(images, generator))
        return torch.where(chosen(self.probability, generator, images), changed, images)

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Factors (B, 3), turns of the hue (B,) and the places of the four changes (B, 4), as `jitter` takes them."""
        count = len(images)
        factor = uniform((count, 3), max(0.0, 1 - self.strength), 1 + self.strength, generator, images)
        turn = uniform((count,), -self.hue, self.hue, generator, images)
        return factor, turn, uniform((count, 4), 0, 1, generator, images).argsort(1)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return check_colour("colour jitter", shape)


@dataclass(frozen=True)
class Grayscale(Step):
    """All three channels become the luminance, at random."""

    probability: float = 0.2

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return torch.where(chosen(self.probability, generator, images), luminance(images), images)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return check_colour("grayscale", shape)


@dataclass(frozen=True)
class ChannelDrop(Step):
    """One of the three channels becomes zero, at random."""

    probability: float = 0.2

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        dropped = below(3, generator, images)
        dropped = dropped.where(chosen(self.probability, generator, images).flatten(), -torch.ones_like(dropped))
        return drop_channel(images, dropped)

    def check(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return check_colour("channel drop", shape)


def jitter(images: Tensor, factor: Tensor, turn: Tensor, place: Tensor) -> Tensor:
    """Each image with its four changes.

    `factor` (B, 3) of brightness, contrast and saturation; `turn` (B,) of the hue; `place` (B, 4) of all four in the
    image's order.  Three blends come before the hue and three after it; those of the other side have no effect, so that
    all images go together whatever their order.
    """
    order = place[:, :HUE].argsort(1)
    early = place[:, :HUE] < place[:, HUE:]
    before, after = factor.where(early, 1), factor.where(~early, 1)
    images = shift_hue(blends(images, before, order), turn)
    return blends(images, after, order)


def blends(images: Tensor, factor: Tensor, order: Tensor) -> Tensor:
    """Brightness, contrast and saturation multiplied by `factor` (B, 3), in the `order` (B, 3) of each image."""
    for change, ratio in zip(order.unbind(1), factor.gather(1, order).unbind(1), strict=True):
        images = blend(images, change, ratio)
    return images


def blend(images: Tensor, change: Tensor, ratio: Tensor) -> Tensor:
    """`ratio` (B,) of the image, the rest of what its `change` (B,) fades to: black, mean luminance, or luminance."""
    change, ratio = change[:, None, None, None], ratio[:, None, None, None]
    grey = luminance(images)
    mean = grey.mean((1, 2, 3), keepdim=True)
    rest = grey.mul_(change == SATURATION).add_(mean * (change == CONTRAST))
    return torch.lerp(rest, images, ratio).clamp_(0, 1)


def luminance(images: Tensor) -> Tensor:
    """Colour images → (B, 1, H, W)."""
    red, green, blue = images.unbind(1)
    return (RED * red).add_(green, alpha=GREEN).add_(blue, alpha=BLUE)[:, None]


def shift_hue(images: Tensor, turn: Tensor) -> Tensor:
    """The hue turned by so many turns (B,); value and saturation stay.

    With hue h in sixths of a turn, value v and chroma c, a channel is v - c max(0, min(k, 4 - k, 1)) for
    k = (n + h) mod 6 and n = 5, 3, 1 for red, green, blue.
    """
    red, green, blue = images.unbind(1)
    value = images.amax(1)
    chroma = value - images.amin(1)
    safe = chroma.clamp(min=TINY)
    of_rest = (blue - red).div_(safe).add_(2).where(value == green, (red - green).div_(safe).add_(4))
    hue = (green - blue).div_(safe).where(value == red, of_rest).add_(6 * turn[:, None, None])
    start = torch.arange(5, 0, -2, device=images.device, dtype=images.dtype)
    k = (hue[:, None] + start[:, None, None]).remainder_(6)
    faded = torch.minimum(k, 4 - k).clamp_(0, 1).mul_(chroma[:, None])
    return value[:, None] - faded


def drop_channel(images: Tensor, channel: Tensor) -> Tensor:
    """Zero in one channel (B,) of each image; in none where the channel is -1."""
    channels = torch.arange(images.shape[1], device=images.device)
    return images * (channels != channel[:, None])[:, :, None, None]

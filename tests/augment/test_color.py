"""Colour jitter, grayscale and channel drop equal torchvision's, in every order and with the right frequency."""

import itertools

import pytest
import torch
from torch import Tensor

from ablate.augment.color import ChannelDrop, Grayscale, Jitter, blend, drop_channel, jitter, luminance, shift_hue
from ablate.augment.transform import Transform
from ablate.deferred import Deferred
from ablate.errors import StudyError

F = Deferred("torchvision.transforms.v2.functional")  # its import takes eight seconds of each worker

ORDERS = torch.tensor(list(itertools.permutations(range(4))))  # rank of brightness, contrast, saturation, hue
CHANGES = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int, side: int = 6) -> Tensor:
    """Random images, some of whose pixels are black, grey or white."""
    drawn = torch.rand(count, 3, side, side, generator=generator(5))
    drawn[:, :, 0, :3] = torch.tensor([0.0, 0.4, 1.0])
    return drawn


def test_jitter_equals_torchvisions_in_all_orders_of_the_four_changes() -> None:
    start = images(24)
    numbers = torch.rand(24, 4, generator=generator(1))
    factor, shift = 0.2 + 1.6 * numbers[:, :3], numbers[:, 3] - 0.5
    expected = start.clone()
    for row in range(24):
        amounts = [*factor[row].tolist(), shift[row].item()]
        for change in ORDERS[row].argsort().tolist():
            expected[row] = CHANGES[change](expected[row], amounts[change])
    torch.testing.assert_close(jitter(start, factor, shift, ORDERS), expected, atol=1e-4, rtol=0)


def test_blend_mixes_the_image_with_black_mean_luminance_or_luminance() -> None:
    """A red pixel (0.5, 0, 0) beside a black one: luminance 0.5 · 0.2989 = 0.14945, mean 0.074725; half of each."""
    image = torch.zeros(1, 3, 1, 2)
    image[0, 0, 0, 0] = 0.5
    half = torch.full((3,), 0.5)
    found = blend(image.repeat(3, 1, 1, 1), torch.arange(3), half)[:, :, 0]
    torch.testing.assert_close(found[0], torch.tensor([[0.25, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(found[1], torch.tensor([[0.25, 0.0], [0.0, 0.0], [0.0, 0.0]]) + 0.074725 / 2)
    torch.testing.assert_close(found[2], torch.tensor([[0.324725, 0.0], [0.074725, 0.0], [0.074725, 0.0]]))


def test_shifting_the_hue_by_a_third_turns_red_into_green() -> None:
    pixel = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1)
    found = shift_hue(pixel.repeat(3, 1, 1, 1), torch.tensor([1 / 3, -1 / 3, 0.5])).flatten(1)
    expected = torch.tensor([[0.2, 0.8, 0.2], [0.2, 0.2, 0.8], [0.2, 0.8, 0.8]])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_hue_shift_equals_torchvisions() -> None:
    start, shift = images(20), torch.linspace(-0.5, 0.5, 20)
    expected = [F.adjust_hue(image, amount.item()) for image, amount in zip(start, shift, strict=True)]
    torch.testing.assert_close(shift_hue(start, shift), torch.stack(expected), atol=1e-5, rtol=0)


def test_luminance_equals_torchvisions() -> None:
    torch.testing.assert_close(luminance(images(4)), F.rgb_to_grayscale(images(4)))


def test_jitter_of_strength_zero_changes_nothing() -> None:
    start = images(8)
    torch.testing.assert_close(Jitter(0.0, 0.0, probability=1.0)(start, generator()), start, atol=1e-6, rtol=0)


def test_brightness_factors_are_uniform_in_their_range() -> None:
    """A grey image is changed by brightness alone: its factor is uniform in 0.6 ... 1.4."""
    grey = torch.full((20_000, 3, 1, 1), 0.5)
    factor = Jitter(0.4, 0.1, probability=1.0)(grey, generator())[:, 0, 0, 0] / 0.5
    assert 0.599 < factor.min() < 0.602
    assert 1.398 < factor.max() < 1.401
    assert abs(factor.mean() - 1) < 0.01
    assert abs(factor.var() - 0.8**2 / 12) < 0.002


def test_jitter_factors_are_never_negative_and_independent() -> None:
    factor, _, _ = Jitter(1.5, 0.1).draw(torch.empty(20_000, 3, 1, 1), generator())
    assert factor.min() >= 0
    assert (factor.mean(0) - 1.25).abs().max() < 0.03  # uniform in 0 ... 2.5
    assert (factor.T.corrcoef() - torch.eye(3)).abs().max() < 0.04  # independent


def test_hue_shifts_are_uniform_in_their_range() -> None:
    """Pure red keeps no green or blue below a twelfth of the circle: green is 6 · shift where that is positive."""
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).repeat(20_000, 1, 1, 1)
    _, green, blue = Jitter(0.0, 0.1, probability=1.0)(red, generator()).flatten(1).unbind(1)
    shift = (green - blue) / 6
    assert -0.1 <= shift.min() < -0.099
    assert 0.099 < shift.max() <= 0.1
    assert abs(shift.mean()) < 0.002
    assert abs(shift.var() - 0.2**2 / 12) < 0.0001


def test_all_orders_of_the_four_changes_are_equally_likely() -> None:
    _, _, rank = Jitter(0.4, 0.1).draw(torch.empty(24_000, 3, 1, 1), generator())
    orders, times = rank.unique(dim=0, return_counts=True)
    assert orders.tolist() == ORDERS.tolist()
    assert (times - 1000).abs().max() < 150  # five standard deviations


@pytest.mark.parametrize(
    ("transform", "probability"),
    [(Jitter(0.8, 0.2), 0.8), (Jitter(0.8, 0.2, 0.3), 0.3), (Grayscale(), 0.2), (ChannelDrop(), 0.2)],
)
def test_a_transform_is_applied_with_its_probability(transform: Transform, probability: float) -> None:
    start = images(5000, side=3)
    changed = (transform(start, generator()) != start).flatten(1).any(1)
    assert abs(changed.float().mean() - probability) < 0.03


def test_grayscale_equals_torchvisions() -> None:
    expected = F.rgb_to_grayscale(images(4), num_output_channels=3)
    torch.testing.assert_close(Grayscale(probability=1.0)(images(4), generator()), expected)


def test_the_three_channels_are_dropped_equally_often() -> None:
    dropped = ChannelDrop(probability=1.0)(torch.ones(6000, 3, 1, 1), generator()).flatten(1)
    assert (dropped.sum(1) == 2).all()
    assert (dropped.mean(0) - 2 / 3).abs().max() < 0.03


def test_channel_minus_one_drops_none() -> None:
    found = drop_channel(torch.ones(3, 3, 1, 1), torch.tensor([-1.0, 0.0, 2.0])).flatten(1)
    assert found.tolist() == [[1, 1, 1], [0, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize("transform", [Jitter(0.4, 0.1), Grayscale(), ChannelDrop()])
def test_colour_transforms_refuse_grey_images(transform: Transform) -> None:
    with pytest.raises(StudyError, match="needs images of 3 channels, not of 1; choose an augmentation without colour"):
        transform.check((1, 28, 28))
    assert transform.check((3, 8, 8)) == (3, 8, 8)

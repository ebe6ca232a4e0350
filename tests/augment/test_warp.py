"""Warps are the paper's: corners, coefficients, pixels and what is regressed on."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from ablate.augment.warp import corners, draw_corners, mapped, moved, projective, scaled, solve, warp

GREY = 128 / 255
MANY = 20_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(count: int, side: int = 32) -> Tensor:
    """Coefficients (count, 8)."""
    images = torch.empty(count, 1, side, side)
    return solve(draw_corners(images, generator()), corners(side, side, images))


def quarter_turned(images: Tensor, quarters: int) -> Tensor:
    """Warped by corners turned so many times, neither scaled nor moved."""
    count, _, height, width = images.shape
    square = corners(height, width, images)
    turned = moved(square, torch.ones(count), torch.full((count,), quarters), torch.zeros(2))
    return warp(images, solve(turned, square), GREY)


def test_corners_are_scaled_about_the_paper_s_centre_and_turned_by_quarters() -> None:
    """Half of 32 x 32 about (16.5, 16.5): 0 becomes 8.25 and 32 becomes 24.25; turned, it starts with the next."""
    square = corners(32, 32, torch.empty(0))
    found = moved(square, torch.tensor([0.5, 0.5]), torch.tensor([0, 1]), torch.tensor([16.5, 16.5]))
    near, far = 8.25, 24.25
    ring = [[near, near], [far, near], [far, far], [near, far]]
    assert found.tolist() == [ring, [*ring[1:], ring[0]]]


def test_coefficients_send_every_moved_corner_back() -> None:
    images = torch.empty(50, 1, 24, 32)
    goal = corners(24, 32, images)
    source = draw_corners(images, generator())
    found = solve(source, goal)
    for row in range(50):
        points = torch.cat([source[row], torch.ones(4, 1)], 1)
        torch.testing.assert_close(mapped(points, found[row : row + 1])[0], goal, atol=1e-3, rtol=0)


def test_a_square_moved_by_two_pixels_is_read_two_pixels_back() -> None:
    """x = X - 2 and y = Y + 1: a = e = 1, c = -2, f = 1, all else 0."""
    square = corners(32, 32, torch.empty(0))
    found = solve((square + torch.tensor([2.0, -1.0]))[None], square)
    expected = torch.tensor([[1.0, 0, -2, 0, 1, 1, 0, 0]])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    """The corner list starts one later: the upper right corner reads the upper left one: clockwise."""
    images = torch.rand(2, 3, 8, 8, generator=generator())
    for quarters in range(4):
        expected = torch.rot90(images, -quarters, (2, 3))
        torch.testing.assert_close(quarter_turned(images, quarters), expected, atol=1e-4, rtol=0)


def test_a_warp_is_pils_on_which_the_papers_rest() -> None:
    images, coefficients = torch.rand(40, 1, 32, 32, generator=generator(3)), drawn(40)
    theirs = [
        np.asarray(F.perspective(Image.fromarray(image[0].numpy()), None, None, fill=GREY, coefficients=row.tolist()))
        for image, row in zip(images, coefficients, strict=True)
    ]
    expected = torch.from_numpy(np.stack(theirs))[:, None]
    torch.testing.assert_close(warp(images, coefficients, GREY), expected, atol=1e-3, rtol=0)


def test_a_warp_is_torchvisions_off_the_edges() -> None:
    """torchvision's tensors fade to the fill over the last half pixel, which PIL and this warp do not."""
    images, coefficients = torch.rand(20, 3, 32, 32, generator=generator(3)), drawn(20)
    found = warp(images, coefficients, GREY)
    inner = warp(torch.nn.functional.pad(torch.ones(20, 1, 30, 30), (1,) * 4), coefficients, 0.0) == 1
    for image, row, ours, mask in zip(images, coefficients, found, inner, strict=True):
        theirs = F.perspective(image, None, None, fill=[GREY] * 3, coefficients=row.tolist())
        torch.testing.assert_close(ours * mask, theirs * mask, atol=1e-3, rtol=0)
    assert inner.float().mean() > 0.5


def test_targets_are_shifted_and_scaled_as_in_the_paper() -> None:
    found = scaled(torch.tensor([[1.0, 2, 36, 3, 4, 6, 0.03, -0.015]]), 32, 32)
    torch.testing.assert_close(found, torch.tensor([[1.0, 2, 1, 3, 4, -0.5, 2, -1]]))


def test_targets_are_those_of_the_same_warp_at_any_size() -> None:
    """Twice the side: offsets c and f double, g and h halve, and the target stays."""
    small, large = (
        torch.tensor([[1.0, 2, 36, 3, 4, 6, 0.03, -0.015]]),
        torch.tensor([[1.0, 2, 72, 3, 4, 12, 0.015, -0.0075]]),
    )
    torch.testing.assert_close(scaled(small, 32, 32), scaled(large, 64, 64))


def test_turns_are_equally_likely_and_corners_lie_where_scale_and_jitter_bring_them() -> None:
    """At 32 pixels the first corner lies in 16.5 - 16.5 a ± 4, for a in 0.8 ... 1.2, if it is not turned."""
    points = draw_corners(torch.empty(MANY, 1, 32, 32), generator())
    first = points[:, 0]
    quarter = (first > 16.5).long()
    place = quarter[:, 0] + 2 * quarter[:, 1]
    assert (torch.bincount(place, minlength=4) / MANY - 0.25).abs().max() < 0.016
    upright = first[place == 0]
    assert upright.min() >= -7.31
    assert upright.max() <= 7.31
    assert upright.mean().abs() < 0.1
    assert abs(upright[:, 0].var() - (81 - 1) / 12 - (16.5 * 0.4) ** 2 / 12) < 0.4  # jitter and scale, each uniform


def test_corners_are_moved_by_whole_pixels_each_for_itself() -> None:
    """Opposite corners lie 32 a and two jitters apart in both directions: these differ by whole pixels, up to 16."""
    points = draw_corners(torch.empty(500, 1, 32, 32), generator())
    across = points[:, 0] - points[:, 2]
    apart = across.abs()[:, 0] - across.abs()[:, 1]
    torch.testing.assert_close(apart, apart.round(), atol=1e-4, rtol=0)
    assert set(range(-10, 11)) <= {int(number) for number in apart.round().tolist()}


def test_what_is_outside_is_filled() -> None:
    images = torch.zeros(200, 3, 16, 16)
    warped, target = projective(images, generator(), GREY)
    assert warped.shape == images.shape
    assert target.shape == (200, 8)
    assert torch.equal(warped.unique(), torch.tensor([0.0, GREY]))


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (96, 96), (24, 32)])
def test_targets_are_about_as_large_at_any_size(size: tuple[int, int]) -> None:
    _, target = projective(torch.rand(500, 1, *size), generator(), GREY)
    assert torch.isfinite(target).all()
    assert target.abs().mean() < 2

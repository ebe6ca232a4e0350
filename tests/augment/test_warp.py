"""Projective warps match the paper: corners, coefficients, sampled pixels and regression targets."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ablate.augment.warp import (
    corners,
    draw_corners,
    project,
    projective,
    regression_targets,
    scaled_and_rotated,
    solve_projection,
    warp,
)
from ablate.deferred import Deferred

F = Deferred("torchvision.transforms.v2.functional")  # its import takes eight seconds of each worker

GREY = 128 / 255
MANY = 20_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(count: int, side: int = 32) -> Tensor:
    """Coefficients (count, 8)."""
    images = torch.empty(count, 1, side, side)
    return solve_projection(draw_corners(images, generator()), corners(side, side, images))


def rotated_by_quarters(images: Tensor, quarters: int) -> Tensor:
    """Images warped by rotating their corners by so many quarters, without scaling or displacement."""
    count, _, height, width = images.shape
    square = corners(height, width, images)
    rotated = scaled_and_rotated(square, torch.ones(count), torch.full((count,), quarters), torch.zeros(2))
    return warp(images, solve_projection(rotated, square), GREY)


def test_corners_are_scaled_about_the_papers_centre_and_rotated_by_quarters() -> None:
    """Half of 32 x 32 about (16.5, 16.5): 0 becomes 8.25 and 32 becomes 24.25; rotated, the list starts one later."""
    square = corners(32, 32, torch.empty(0))
    found = scaled_and_rotated(square, torch.tensor([0.5, 0.5]), torch.tensor([0, 1]), torch.tensor([16.5, 16.5]))
    near, far = 8.25, 24.25
    ring = [[near, near], [far, near], [far, far], [near, far]]
    assert found.tolist() == [ring, [*ring[1:], ring[0]]]


def test_the_solved_map_sends_moved_corners_to_the_original_ones() -> None:
    images = torch.empty(50, 1, 24, 32)
    goal = corners(24, 32, images)
    source = draw_corners(images, generator())
    found = solve_projection(source, goal)
    for row in range(50):
        points = torch.cat([source[row], torch.ones(4, 1)], 1)
        torch.testing.assert_close(project(points, found[row : row + 1])[0], goal, atol=1e-3, rtol=0)


def test_a_translation_of_the_corners_gives_the_opposite_translation() -> None:
    """x = X - 2 and y = Y + 1: a = e = 1, c = -2, f = 1, all else 0."""
    square = corners(32, 32, torch.empty(0))
    found = solve_projection((square + torch.tensor([2.0, -1.0]))[None], square)
    expected = torch.tensor([[1.0, 0, -2, 0, 1, 1, 0, 0]])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_rotating_the_corner_list_rotates_the_image_clockwise_by_quarters() -> None:
    """The corner list starts one later, so that the upper right corner samples the upper left one: clockwise."""
    images = torch.rand(2, 3, 8, 8, generator=generator())
    for quarters in range(4):
        expected = torch.rot90(images, -quarters, (2, 3))
        torch.testing.assert_close(rotated_by_quarters(images, quarters), expected, atol=1e-4, rtol=0)


def test_warp_equals_pils() -> None:
    images, coefficients = torch.rand(40, 1, 32, 32, generator=generator(3)), drawn(40)
    theirs = [
        np.asarray(F.perspective(Image.fromarray(image[0].numpy()), None, None, fill=GREY, coefficients=row.tolist()))
        for image, row in zip(images, coefficients, strict=True)
    ]
    expected = torch.from_numpy(np.stack(theirs))[:, None]
    torch.testing.assert_close(warp(images, coefficients, GREY), expected, atol=1e-3, rtol=0)


def test_warp_equals_torchvisions_except_at_the_edges() -> None:
    """torchvision's tensors fade to the fill over the last half pixel, which PIL and this warp do not."""
    images, coefficients = torch.rand(20, 3, 32, 32, generator=generator(3)), drawn(20)
    found = warp(images, coefficients, GREY)
    inner = warp(torch.nn.functional.pad(torch.ones(20, 1, 30, 30), (1,) * 4), coefficients, 0.0) == 1
    for image, row, ours, mask in zip(images, coefficients, found, inner, strict=True):
        theirs = F.perspective(image, None, None, fill=[GREY] * 3, coefficients=row.tolist())
        torch.testing.assert_close(ours * mask, theirs * mask, atol=1e-3, rtol=0)
    assert inner.float().mean() > 0.5


def test_regression_targets_are_shifted_and_scaled_as_in_the_paper() -> None:
    found = regression_targets(torch.tensor([[1.0, 2, 36, 3, 4, 6, 0.03, -0.015]]), 32, 32)
    torch.testing.assert_close(found, torch.tensor([[1.0, 2, 1, 3, 4, -0.5, 2, -1]]))


def test_regression_targets_do_not_depend_on_the_image_size() -> None:
    """Twice the side: offsets c and f double, g and h halve, and the target stays."""
    small, large = (
        torch.tensor([[1.0, 2, 36, 3, 4, 6, 0.03, -0.015]]),
        torch.tensor([[1.0, 2, 72, 3, 4, 12, 0.015, -0.0075]]),
    )
    torch.testing.assert_close(regression_targets(small, 32, 32), regression_targets(large, 64, 64))


def test_rotations_are_equally_likely_and_corners_have_the_distribution_of_scale_and_jitter() -> None:
    """At 32 pixels the first corner lies in 16.5 - 16.5 a ± 4, for a in 0.8 ... 1.2, if it is not rotated."""
    points = draw_corners(torch.empty(MANY, 1, 32, 32), generator())
    first = points[:, 0]
    quarter = (first > 16.5).long()
    position = quarter[:, 0] + 2 * quarter[:, 1]
    assert (torch.bincount(position, minlength=4) / MANY - 0.25).abs().max() < 0.016
    upright = first[position == 0]
    assert upright.min() >= -7.31
    assert upright.max() <= 7.31
    assert upright.mean().abs() < 0.1
    assert abs(upright[:, 0].var() - (81 - 1) / 12 - (16.5 * 0.4) ** 2 / 12) < 0.4  # jitter and scale, each uniform


def test_corners_are_displaced_independently_by_whole_pixels() -> None:
    """Opposite corners lie 32 a and two jitters apart in both directions: these differ by whole pixels, up to 16."""
    points = draw_corners(torch.empty(500, 1, 32, 32), generator())
    across = points[:, 0] - points[:, 2]
    apart = across.abs()[:, 0] - across.abs()[:, 1]
    torch.testing.assert_close(apart, apart.round(), atol=1e-4, rtol=0)
    assert set(range(-10, 11)) <= {int(number) for number in apart.round().tolist()}


def test_pixels_sampled_outside_of_the_image_are_filled() -> None:
    images = torch.zeros(200, 3, 16, 16)
    warped, target = projective(images, generator(), GREY)
    assert warped.shape == images.shape
    assert target.shape == (200, 8)
    assert torch.equal(warped.unique(), torch.tensor([0.0, GREY]))


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (96, 96), (24, 32)])
def test_regression_targets_have_a_similar_magnitude_at_any_size(size: tuple[int, int]) -> None:
    _, target = projective(torch.rand(500, 1, *size), generator(), GREY)
    assert torch.isfinite(target).all()
    assert target.abs().mean() < 2

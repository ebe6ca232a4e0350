"""Rows of images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ablate.draw.images import draw_images, image_grid

Size = Callable[[Path], tuple[int, int]]
NAN, INF = float("nan"), float("inf")


def test_the_grid_has_every_image_at_its_place_with_white_between() -> None:
    images = np.arange(4, dtype=np.float32).reshape(2, 2, 1, 1, 1) / np.float32(4)
    images = images.repeat(2, 3).repeat(2, 4)  # two pixels a side
    grid = image_grid(images, gap=1)
    upper, lower = [0.0, 0.0, 1.0, 0.25, 0.25], [0.5, 0.5, 1.0, 0.75, 0.75]
    for channel in range(3):
        assert grid[:, :, channel].tolist() == [upper, upper, [1.0] * 5, lower, lower]


def test_colour_channels_keep_their_order() -> None:
    image = np.array([0.25, 0.5, 0.75], np.float32).reshape(1, 1, 3, 1, 1)
    assert image_grid(image, gap=1).tolist() == [[[0.25, 0.5, 0.75]]]


def test_values_out_of_range_are_clipped_and_non_finite_ones_grey() -> None:
    image = np.array([[-1.0, 2.0], [NAN, INF]], np.float32).reshape(1, 1, 1, 2, 2)
    assert image_grid(image, gap=1)[:, :, 0].tolist() == [[0.0, 1.0], [0.5, 0.5]]


def test_images_of_two_channels_are_drawn_as_their_mean() -> None:
    image = np.array([0.0, 0.5], np.float32).reshape(1, 1, 2, 1, 1)
    assert image_grid(image, gap=1).tolist() == [[[0.25, 0.25, 0.25]]]


@pytest.mark.parametrize("shape", [(10, 10, 1, 28, 28), (1, 1, 3, 32, 32), (2, 5, 3, 8, 16), (0, 4, 1, 8, 8)])
def test_rows_of_images_of_any_shape_are_drawn(shape: tuple[int, ...], tmp_path: Path, png_size: Size) -> None:
    images = np.full(shape, 0.5, np.float32)
    names = [f"class {row} $_^" for row in range(shape[0])]
    draw_images(images, tmp_path / "samples.png", "a long title of several lines, " * 6, names)
    assert png_size(tmp_path / "samples.png")[0] >= 816  # 6.8 inches

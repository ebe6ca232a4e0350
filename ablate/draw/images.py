"""Rows of images side by side, such as reconstructions and samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ablate.deferred import np
from ablate.draw.canvas import (
    LEFT,
    MIN_WIDTH,
    add_axes,
    hide_frame,
    names_width,
    save,
    title_height,
    titled_figure,
    write_message,
)
from ablate.draw.style import DPI

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

Images: TypeAlias = "NDArray[np.float32]"  # (R, K, C, H, W), rows of images with values in [0, 1]

IMAGE_SIDE = 0.62  # inches of an image's longer side
GAP = 0.08  # between two images, of an image's longer side


def draw_images(images: Images, file: Path, title: str, names: Sequence[str] = ()) -> None:
    """Write a PNG of rows of images (R, K, C, H, W) in [0, 1], with the rows' names at the left if there are any."""
    rows, columns, _, height, width = images.shape
    scale = max(IMAGE_SIDE / max(height, width, 1), 1 / DPI)  # at least one dot per pixel
    left = names_width(names) if names else LEFT
    grid_width, grid_height = scale * width * columns, scale * height * rows
    total_height = max(grid_height, 0.5) + 0.2 + title_height(title)
    figure = titled_figure(max(left + grid_width + 0.2, MIN_WIDTH), total_height, title)
    if images.size:
        show(add_axes(figure, left, 0.2, grid_width, grid_height), images, names)
    else:
        write_message(figure, "there is no image")
    save(figure, file)


def show(axes: Axes, images: Images, names: Sequence[str]) -> None:
    rows, columns, _, height, width = images.shape
    grid = image_grid(images, gap=max(round(GAP * max(height, width)), 1))
    axes.imshow(grid, interpolation="none", aspect="auto", extent=(0, columns, rows, 0))
    axes.set_xticks([])
    axes.set_yticks(np.arange(len(names)) + 0.5, names, parse_math=False)
    hide_frame(axes)


def image_grid(images: Images, gap: int) -> Images:
    """Rows of images (R, K, C, H, W) → one image (height, width, 3) with white gaps of `gap` pixels.

    Images that have other than three channels are drawn as their channels' mean; values are clipped to [0, 1], values
    that are not finite are grey.
    """
    rows, columns, channels, height, width = images.shape
    gray = np.broadcast_to(images.mean(2, keepdims=True), (rows, columns, 3, height, width))
    pixels = np.nan_to_num(images if channels == 3 else gray, nan=0.5, posinf=0.5, neginf=0.5).clip(0, 1)
    framed = np.pad(pixels, [(0, 0)] * 3 + [(0, gap)] * 2, constant_values=1.0)
    grid = framed.transpose(0, 3, 1, 4, 2).reshape(rows * (height + gap), columns * (width + gap), 3)
    return grid[:-gap, :-gap]

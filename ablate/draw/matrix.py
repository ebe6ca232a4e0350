"""Heat maps of the matrices that probes return."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.deferred import np
from ablate.draw.canvas import MIN_WIDTH, add_axes, hide_frame, names_width, save, title_height, titled_figure
from ablate.draw.style import CELL, DIVERGING, INK, SEQUENTIAL, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ablate.probes.probe import Matrix

MAX_NAMED_BLOCKS = 40  # more blocks than these have no names


def draw_matrix(matrix: Matrix, file: Path, title: str) -> None:
    """Write a PNG of a matrix as coloured cells; neighbouring rows or columns of one name form a block.

    Blocks are separated by white lines; cells that are large enough show their values.
    """
    rows, columns = matrix.values.shape
    cell_height, cell_width = cell_size(rows), cell_size(columns)
    width, height = cell_width * columns, cell_height * rows
    left = names_width(matrix.rows)
    below = names_width(matrix.columns) if rotated(matrix.columns) else 0.4
    figure = titled_figure(max(left + width + 1.0, MIN_WIDTH), below + height + title_height(title), title)
    axes = add_axes(figure, left, below, width, height)
    image = axes.imshow(matrix.values, vmin=matrix.low, vmax=matrix.high, aspect="auto", interpolation="none")
    image.set_cmap(DIVERGING if diverging(matrix) else SEQUENTIAL)
    draw_blocks(axes, matrix)
    if cell_width >= 0.4 and cell_height >= 0.16:
        write_values(axes, matrix)
    draw_color_bar(figure, image, add_axes(figure, left + width + 0.2, below, 0.15, height))
    save(figure, file)


def cell_size(count: int) -> float:
    """Inches per row or column; enough for its name, where all are named."""
    return min(0.5, max(5.2 / count, 0.18 if count <= MAX_NAMED_BLOCKS else 0.0))


def rotated(names: Sequence[str]) -> bool:
    """Whether the names of columns are too long to be written horizontally."""
    return any(len(name) > 3 for name in names)


def diverging(matrix: Matrix) -> bool:
    """Whether the range of values is symmetric around zero."""
    return matrix.low == -matrix.high


def draw_blocks(axes: Axes, matrix: Matrix) -> None:
    """Name each block once, at its middle, and draw a white line between blocks."""
    from matplotlib.axis import XAxis

    for axis, names in ((axes.xaxis, matrix.columns), (axes.yaxis, matrix.rows)):
        blocks = blocks_of(names)
        named = blocks if len(blocks) <= MAX_NAMED_BLOCKS else []
        axis.set_ticks([(start + end - 1) / 2 for _, start, end in named])
        axis.set_ticklabels([name for name, _, _ in named], parse_math=False)
        line = axes.axvline if isinstance(axis, XAxis) else axes.axhline
        if len(blocks) < len(names):
            for _, start, _ in blocks[1:]:
                line(start - 0.5, color="white", linewidth=1.5)
    if rotated(matrix.columns):
        axes.tick_params(axis="x", rotation=90)
    hide_frame(axes)


def blocks_of(names: Sequence[str]) -> list[tuple[str, int, int]]:
    """Each run of equal names as (name, index of the first, index after the last)."""
    blocks, start = [], 0
    for name, run in groupby(names):
        end = start + len(list(run))
        blocks.append((name, start, end))
        start = end
    return blocks


def write_values(axes: Axes, matrix: Matrix) -> None:
    """Write each finite value in its cell, in white on dark cells."""
    for (row, column), value in np.ndenumerate(matrix.values):
        if np.isfinite(value):
            depth = abs(value) / matrix.high if diverging(matrix) else (value - matrix.low) / (matrix.high - matrix.low)
            color = "white" if depth > 0.65 else INK
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=CELL, color=color)


def draw_color_bar(figure: Figure, image: Any, axes: Axes) -> None:
    """Draw the colour bar of an image into the axes."""
    low, high = image.get_clim()
    bar = figure.colorbar(image, cax=axes, ticks=np.linspace(low, high, 5))
    bar.outline.set_visible(False)
    axes.tick_params(colors=INK, labelsize=TEXT, length=0)

"""A trial's pictures: loss curves, the embedding in the plane, matrices, and rows of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ablate.draw.canvas import DPI, INK, LEFT, blank, headroom, place, plain, room, save, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Sequence[tuple[int, float]]  # (epoch, value)
Points = NDArray[np.float64]  # (N, 2)
Images = NDArray[np.float32]  # (R, K, C, H, W), rows of images with values in [0, 1]

# ten colours that colour-blind readers tell apart (Petroff 2021, Accessible Color Sequences for Data Visualization)
COLORS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
MARKERS = "o^"
NAMED_CLASSES = len(COLORS) * len(MARKERS)  # more than these have no legend
SHOWN_POINTS = 2000
CURVES_IN_PANEL = 8  # as many names as fit beside one
NARROWEST = 6.8  # inches that a title needs
NAMED_BLOCKS = 40  # more rows or columns than these have no names
IMAGE_SIDE = 0.62  # inches
GAP = 0.08  # of an image's side, between two


class Matrix(Protocol):
    """Values (R, C) between `low` and `high`; neighbouring rows (or columns) of one name are a block."""

    @property
    def values(self) -> NDArray[Any]: ...
    @property
    def rows(self) -> Sequence[str]: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def draw_losses(history: Mapping[str, Curve], file: Path, title: str) -> None:
    """Write a PNG of values by epoch; those of a like size share a panel."""
    curves = {name: finite(curve) for name, curve in history.items()}
    panels = by_scale(curves)
    figure = blank(width=7.0, height=1.0 + 2.0 * max(len(panels), 1), title=title)
    for position, names in enumerate(panels, start=1):
        axes = figure.add_subplot(len(panels), 1, position)
        draw_curves(axes, {name: curves[name] for name in names})
        axes.set_xlim(*span(curves))
        if position == len(panels):
            axes.set_xlabel("epoch", color=INK)
        else:
            axes.tick_params(labelbottom=False)
    if not panels:
        say(figure, "no finite value was recorded")
    room(figure, right=2.3, top=0.5, bottom=0.5)
    save(figure, file)


def draw_embedding(x: NDArray[np.float32], y: NDArray[np.int64], file: Path, title: str, seed: int = 0) -> None:
    """Write a PNG of embeddings x (N, D) on their first two principal components, coloured by class y (N,)."""
    shown = drawn(x, seed)
    figure = blank(width=6.8, height=5.8, title=title)
    if len(shown):
        axes = figure.add_subplot()
        plane, shares = principal_plane(x[shown].astype(np.float64), seed)
        draw_classes(axes, plane, y[shown], np.unique(y))
        axes.set_xlabel(f"first component, {shares[0]:.0%} of the variance", color=INK)
        axes.set_ylabel(f"second component, {shares[1]:.0%}", color=INK)
        share = f"{len(shown):,} of {len(x):,} samples"
        axes.text(0, 1.02, share, transform=axes.transAxes, fontsize=9, color=INK)
    else:
        say(figure, "no sample has a finite embedding")
    room(figure, right=1.3, top=0.7, bottom=0.6)
    save(figure, file)


def by_scale(curves: Mapping[str, Curve]) -> list[list[str]]:
    """Names in panels, those of the largest values first; within a panel no curve peaks below a fifth of another."""
    peaks = {name: max(abs(value) for _, value in curve) for name, curve in curves.items() if curve}
    panels: list[list[str]] = []
    for name in sorted(peaks, key=lambda name: -peaks[name]):
        if not panels or peaks[name] < peaks[panels[-1][0]] / 5 or len(panels[-1]) == CURVES_IN_PANEL:
            panels.append([])
        panels[-1].append(name)
    return panels


def finite(curve: Curve) -> Curve:
    """The curve without the points that have no place on paper."""
    return [(epoch, value) for epoch, value in curve if np.isfinite(value)]


def span(curves: Mapping[str, Curve]) -> tuple[float, float]:
    """The epochs of all curves, with a margin."""
    epochs = [epoch for curve in curves.values() for epoch, _ in curve]
    margin = max(0.02 * (max(epochs) - min(epochs)), 0.5)
    return min(epochs) - margin, max(epochs) + margin


def draw_curves(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Draw curves with their names beside the panel, on a logarithmic axis where they fall by much."""
    from matplotlib.ticker import MaxNLocator

    for color, (name, curve) in zip(COLORS, curves.items(), strict=False):
        epochs, values = zip(*curve, strict=True)
        axes.plot(epochs, values, color=color, marker="o" if len(curve) == 1 else "", linewidth=1.6, label=name)
    lowest = min(value for curve in curves.values() for _, value in curve)
    highest = max(value for curve in curves.values() for _, value in curve)
    if lowest > 0 and highest > 50 * lowest:
        axes.set_yscale("log")
        axes.minorticks_off()
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.03), frameon=False, fontsize=9, labelcolor=INK)
    plain(axes)


def drawn(x: NDArray[np.float32], seed: int) -> NDArray[np.intp]:
    """The rows to show: finite ones, at most SHOWN_POINTS, in random order so that no class lies on top."""
    rows = np.flatnonzero(np.isfinite(x).all(axis=1))
    return np.random.default_rng(seed).permutation(rows)[:SHOWN_POINTS]


def principal_plane(x: NDArray[np.float64], seed: int) -> tuple[Points, NDArray[np.float64]]:
    """Points (N, D) → (N, 2), and the share of the variance on each axis."""
    from sklearn.utils.extmath import randomized_svd

    centred = x - x.mean(axis=0)
    left, lengths, _ = randomized_svd(centred, 2, n_iter=7, random_state=seed)
    plane, shares = np.zeros((len(x), 2)), np.zeros(2)
    plane[:, : len(lengths)] = left * lengths
    shares[: len(lengths)] = lengths**2 / max(np.square(centred).sum(), np.finfo(np.float64).tiny)
    return plane, shares


def draw_classes(axes: Axes, plane: Points, y: NDArray[np.int64], classes: NDArray[np.int64]) -> None:
    """Scatter points in the colour and the mark of their class, with a legend where the classes are few."""
    from matplotlib.colors import to_rgba_array

    place = np.searchsorted(classes, y)
    colors = to_rgba_array(COLORS)[place % len(COLORS)]
    marks = place // len(COLORS) % len(MARKERS)
    for mark in np.unique(marks):
        here = marks == mark
        axes.scatter(
            plane[here, 0], plane[here, 1], s=11, c=colors[here], marker=MARKERS[mark], alpha=0.8, linewidths=0
        )
    if len(classes) <= NAMED_CLASSES:
        axes.legend(
            handles=[class_handle(place, label) for place, label in enumerate(classes)],
            title="class",
            loc="upper left",
            bbox_to_anchor=(1.01, 1.02),
            frameon=False,
            fontsize=9,
            labelcolor=INK,
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.locator_params(nbins=5)
    plain(axes)


def class_handle(place: int, label: int) -> Any:
    """The legend entry of one class."""
    from matplotlib.lines import Line2D

    color, marker = COLORS[place % len(COLORS)], MARKERS[place // len(COLORS)]
    return Line2D([], [], color=color, marker=marker, linestyle="none", markersize=6, label=str(label))


def draw_matrix(matrix: Matrix, file: Path, title: str) -> None:
    """Write a PNG of a matrix as coloured cells, blocks apart; large cells also show their values."""
    rows, columns = matrix.values.shape
    tall, wide = cell(rows), cell(columns)
    left, below = margin(matrix.rows), margin(matrix.columns) if upright(matrix.columns) else 0.4
    figure = blank(max(left + wide * columns + 1.0, NARROWEST), below + tall * rows + headroom(title), title)
    axes = place(figure, left, below, wide * columns, tall * rows)
    shown = axes.imshow(matrix.values, vmin=matrix.low, vmax=matrix.high, aspect="auto", interpolation="none")
    shown.set_cmap("RdBu_r" if diverging(matrix) else "Blues")
    draw_blocks(axes, matrix)
    if wide >= 0.4 and tall >= 0.16:
        write_values(axes, matrix)
    draw_scale(figure, shown, place(figure, left + wide * columns + 0.2, below, 0.15, tall * rows))
    save(figure, file)


def cell(count: int) -> float:
    """Inches for one of so many rows or columns; enough for its name, where all are named."""
    return min(0.5, max(5.2 / count, 0.18 if count <= NAMED_BLOCKS else 0.0))


def upright(names: Sequence[str]) -> bool:
    """Whether names need more room than there is above a column."""
    return any(len(name) > 3 for name in names)


def diverging(matrix: Matrix) -> bool:
    """Whether zero is the middle, from which values go either way."""
    return matrix.low == -matrix.high


def draw_blocks(axes: Axes, matrix: Matrix) -> None:
    """Name every block once, with a white line before the next."""
    from matplotlib.axis import XAxis

    for axis, names in ((axes.xaxis, matrix.columns), (axes.yaxis, matrix.rows)):
        blocks = blocks_of(names)
        few = len(blocks) <= NAMED_BLOCKS
        axis.set_ticks([(start + end - 1) / 2 for _, start, end in blocks] if few else [])
        axis.set_ticklabels([name for name, _, _ in blocks] if few else [], parse_math=False)
        line = axes.axvline if isinstance(axis, XAxis) else axes.axhline
        if len(blocks) < len(names):
            for _, start, _ in blocks[1:]:
                line(start - 0.5, color="white", linewidth=1.5)
    if upright(matrix.columns):
        axes.tick_params(axis="x", rotation=90)
    quiet(axes)


def blocks_of(names: Sequence[str]) -> list[tuple[str, int, int]]:
    """Each run of equal names, with the place of its first and the one behind its last."""
    blocks, start = [], 0
    for name, run in groupby(names):
        end = start + len(list(run))
        blocks.append((name, start, end))
        start = end
    return blocks


def write_values(axes: Axes, matrix: Matrix) -> None:
    """Each finite value in its cell, white on the dark ones."""
    for (row, column), value in np.ndenumerate(matrix.values):
        if np.isfinite(value):
            depth = abs(value) / matrix.high if diverging(matrix) else (value - matrix.low) / (matrix.high - matrix.low)
            color = "white" if depth > 0.65 else INK
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=color)


def draw_scale(figure: Figure, shown: Any, axes: Axes) -> None:
    """A bar that says which colour is which value."""
    low, high = shown.get_clim()
    bar = figure.colorbar(shown, cax=axes, ticks=np.linspace(low, high, 5))
    bar.outline.set_visible(False)
    axes.tick_params(colors=INK, labelsize=9, length=0)


def draw_images(images: Images, file: Path, title: str, names: Sequence[str] = ()) -> None:
    """Write a PNG of rows of images (R, K, C, H, W), each row with its name where there are names."""
    rows, columns, _, height, width = images.shape
    scale = max(IMAGE_SIDE / max(height, width, 1), 1 / DPI)  # each pixel has a dot
    left = margin(names) if names else LEFT
    across, down = scale * width * columns, scale * height * rows
    figure = blank(max(left + across + 0.2, NARROWEST), max(down, 0.5) + 0.2 + headroom(title), title)
    if images.size:
        axes = place(figure, left, 0.2, across, down)
        sheet = contact_sheet(images)
        axes.imshow(sheet, interpolation="none", aspect="auto", extent=(0, columns, rows, 0))
        axes.set_xticks([])
        axes.set_yticks(np.arange(len(names)) + 0.5, names, parse_math=False)
        quiet(axes)
    else:
        say(figure, "there is no image")
    save(figure, file)


def contact_sheet(images: Images) -> Images:
    """Rows of images (R, K, C, H, W) → one sheet (height, width, 3), in white gaps.

    Two colours or more than three are drawn as their mean; what is not finite is grey.
    """
    rows, columns, channels, height, width = images.shape
    shown = (
        images
        if channels == 3
        else np.broadcast_to(images.mean(2, keepdims=True), (rows, columns, 3, *images.shape[3:]))
    )
    shown = np.nan_to_num(shown, nan=0.5, posinf=0.5, neginf=0.5).clip(0, 1)
    gap = max(round(GAP * max(height, width)), 1)
    framed = np.pad(shown, [(0, 0)] * 3 + [(0, gap)] * 2, constant_values=1.0)
    sheet = framed.transpose(0, 3, 1, 4, 2).reshape(rows * (height + gap), columns * (width + gap), 3)
    return sheet[:-gap, :-gap]


def margin(names: Sequence[str]) -> float:
    """Inches that names need beside an axis."""
    return max(LEFT, 0.25 + 0.075 * max(map(len, names), default=0))


def quiet(axes: Axes) -> None:
    """No frame and no marks, names only."""
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9, length=0)

"""A trial's pictures: its loss curves, and its embedding in the plane."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Sequence[tuple[int, float]]  # (epoch, value)
Points = NDArray[np.float64]  # (N, 2)

# ten colours that colour-blind readers tell apart (Petroff 2021, Accessible Color Sequences for Data Visualization)
COLORS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
MARKERS = "o^"
NAMED_CLASSES = len(COLORS) * len(MARKERS)  # more than these have no legend
SHOWN_POINTS = 2000
CURVES_IN_PANEL = 8  # as many names as fit beside one
DPI = 110
LEFT = 0.8  # margin in inches
INK = "#333333"
GRID = "#dddddd"


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


def blank(width: float, height: float, title: str) -> Figure:
    """An empty figure, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    lines = "\n".join(textwrap.wrap(title, 68))
    figure.suptitle(
        lines, x=LEFT / width, y=1 - 0.12 / height, ha="left", va="top", fontsize=12, color=INK, parse_math=False
    )
    return figure


def room(figure: Figure, right: float, top: float, bottom: float) -> None:
    """Keep margins, in inches: a layout engine would take longer than the drawing."""
    width, height = figure.get_size_inches()
    top += 0.2 * figure.get_suptitle().count("\n")
    figure.subplots_adjust(LEFT / width, bottom / height, 1 - right / width, 1 - top / height, hspace=0.15)


def plain(axes: Axes) -> None:
    """A light grid and no frame that the eye must read past."""
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)


def say(figure: Figure, words: str) -> None:
    """Words in place of a picture."""
    figure.text(0.5, 0.5, words, ha="center", va="center", color=INK)


def save(figure: Figure, file: Path) -> None:
    """Write a PNG whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    figure.savefig(unfinished, format="png", pil_kwargs={"compress_level": 3})
    unfinished.replace(file)

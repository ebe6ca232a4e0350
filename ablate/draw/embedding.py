"""Scatter plots of an embedding on its first two principal components, coloured by class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ablate.deferred import np
from ablate.draw.canvas import save, set_margins, style_axes, titled_figure, write_message
from ablate.draw.style import COLORS, INK, LABEL, MARKERS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

Points: TypeAlias = "NDArray[np.float64]"  # (N, 2)

CLASS_MARKERS = MARKERS[:2]
MAX_LEGEND_CLASSES = len(COLORS) * len(CLASS_MARKERS)
MAX_POINTS = 2000


def draw_embedding(x: NDArray[np.float32], y: NDArray[np.int64], file: Path, title: str, seed: int = 0) -> None:
    """Write a PNG of embeddings x (N, D) on their first two principal components, coloured by class y (N,).

    At most MAX_POINTS samples are drawn; `seed` decides which.
    """
    rows = sample_rows(x, seed)
    figure = titled_figure(width=6.8, height=5.8, title=title)
    if len(rows):
        axes = figure.add_subplot()
        plane, shares = principal_plane(x[rows].astype(np.float64), seed)
        draw_classes(axes, plane, y[rows], np.unique(y))
        axes.set_xlabel(f"first component, {shares[0]:.0%} of the variance", color=INK, fontsize=LABEL)
        axes.set_ylabel(f"second component, {shares[1]:.0%}", color=INK, fontsize=LABEL)
        count = f"{len(rows):,} of {len(x):,} samples"
        axes.text(0, 1.02, count, transform=axes.transAxes, fontsize=TEXT, color=INK)
    else:
        write_message(figure, "no sample has a finite embedding")
    set_margins(figure, right=1.3, top=0.7, bottom=0.6)
    save(figure, file)


def sample_rows(x: NDArray[np.float32], seed: int) -> NDArray[np.intp]:
    """At most MAX_POINTS rows with finite values, in random order so that no class is drawn over the others."""
    rows = np.flatnonzero(np.isfinite(x).all(axis=1))
    return np.random.default_rng(seed).permutation(rows)[:MAX_POINTS]


def principal_plane(x: NDArray[np.float64], seed: int) -> tuple[Points, NDArray[np.float64]]:
    """Points (N, D) → their first two principal components (N, 2), and the share of the variance (2,) of each."""
    from sklearn.utils.extmath import randomized_svd

    centred = x - x.mean(axis=0)
    left, lengths, _ = randomized_svd(centred, 2, n_iter=7, random_state=seed)
    plane, shares = np.zeros((len(x), 2)), np.zeros(2)
    plane[:, : len(lengths)] = left * lengths
    shares[: len(lengths)] = lengths**2 / max(np.square(centred).sum(), np.finfo(np.float64).tiny)
    return plane, shares


def draw_classes(axes: Axes, plane: Points, y: NDArray[np.int64], classes: NDArray[np.int64]) -> None:
    """Scatter points in the colour and marker of their class, with a legend for at most MAX_LEGEND_CLASSES classes."""
    from matplotlib.colors import to_rgba_array

    index = np.searchsorted(classes, y)
    colors = to_rgba_array(COLORS)[index % len(COLORS)]
    markers = index // len(COLORS) % len(CLASS_MARKERS)
    for marker in np.unique(markers):
        x1, x2 = plane[markers == marker].T
        axes.scatter(x1, x2, s=11, c=colors[markers == marker], marker=CLASS_MARKERS[marker], alpha=0.8, linewidths=0)
    if len(classes) <= MAX_LEGEND_CLASSES:
        axes.legend(
            handles=[legend_entry(index, label) for index, label in enumerate(classes)],
            title="class",
            loc="upper left",
            bbox_to_anchor=(1.01, 1.02),
            frameon=False,
            fontsize=TEXT,
            labelcolor=INK,
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.locator_params(nbins=5)
    style_axes(axes)


def legend_entry(index: int, label: int) -> Any:
    """The legend entry of the class with this index among all classes."""
    from matplotlib.lines import Line2D

    color, marker = COLORS[index % len(COLORS)], CLASS_MARKERS[index // len(COLORS)]
    return Line2D([], [], color=color, marker=marker, linestyle="none", markersize=6, label=str(label))

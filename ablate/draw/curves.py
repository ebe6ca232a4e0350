"""Curves of a trial's training losses by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.deferred import np
from ablate.draw.canvas import save, set_margins, style_axes, titled_figure, write_message
from ablate.draw.style import COLORS, INK, LABEL, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = Sequence[tuple[int, float]]  # (epoch, value)

CURVES_PER_PANEL = 8  # as many names as fit beside one
LOG_RATIO = 50  # of the largest to the smallest value, beyond which a panel is logarithmic


def draw_curves(curves: Mapping[str, Curve], file: Path, title: str) -> None:
    """Write a PNG of curves by epoch; curves of similar magnitude share a panel.

    Values that are not finite are left out.
    """
    curves = {name: finite_points(curve) for name, curve in curves.items()}
    panels = group_by_magnitude(curves)
    figure = titled_figure(width=7.0, height=1.0 + 2.0 * max(len(panels), 1), title=title)
    for position, names in enumerate(panels, start=1):
        axes = figure.add_subplot(len(panels), 1, position)
        draw_panel(axes, {name: curves[name] for name in names})
        axes.set_xlim(*epoch_range(curves))
        if position == len(panels):
            axes.set_xlabel("epoch", color=INK, fontsize=LABEL)
        else:
            axes.tick_params(labelbottom=False)
    if not panels:
        write_message(figure, "no finite value was recorded")
    set_margins(figure, right=2.3, top=0.5, bottom=0.5)
    save(figure, file)


def group_by_magnitude(curves: Mapping[str, Curve]) -> list[list[str]]:
    """Names by panel, the largest peaks first; no curve of a panel peaks below a fifth of the panel's first."""
    peaks = {name: max(abs(value) for _, value in curve) for name, curve in curves.items() if curve}
    panels: list[list[str]] = []
    for name in sorted(peaks, key=lambda name: -peaks[name]):
        if not panels or peaks[name] < peaks[panels[-1][0]] / 5 or len(panels[-1]) == CURVES_PER_PANEL:
            panels.append([])
        panels[-1].append(name)
    return panels


def finite_points(curve: Curve) -> Curve:
    """The points whose values are finite."""
    return [(epoch, value) for epoch, value in curve if np.isfinite(value)]


def epoch_range(curves: Mapping[str, Curve]) -> tuple[float, float]:
    """The first and the last epoch of all curves, with a margin."""
    epochs = [epoch for curve in curves.values() for epoch, _ in curve]
    margin = max(0.02 * (max(epochs) - min(epochs)), 0.5)
    return min(epochs) - margin, max(epochs) + margin


def draw_panel(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Draw curves with a legend beside the axes; positive values over a wide range are drawn on a logarithmic axis."""
    from matplotlib.ticker import MaxNLocator

    for color, (name, curve) in zip(COLORS, curves.items(), strict=False):
        epochs, values = zip(*curve, strict=True)
        axes.plot(epochs, values, color=color, marker="o" if len(curve) == 1 else "", linewidth=1.6, label=name)
    lowest = min(value for curve in curves.values() for _, value in curve)
    highest = max(value for curve in curves.values() for _, value in curve)
    if lowest > 0 and highest > LOG_RATIO * lowest:
        axes.set_yscale("log")
        axes.minorticks_off()
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.03), frameon=False, fontsize=TEXT, labelcolor=INK)
    style_axes(axes)

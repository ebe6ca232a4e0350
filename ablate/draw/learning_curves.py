"""Draws learning curves: the mean over seeds by epoch, with a band that is its 95 % interval."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ablate.draw.canvas import format_axis, style_axes
from ablate.draw.curve_specs import CurveFigure, CurvePanel
from ablate.draw.style import COLORS, DPI, INK, LABEL, TEXT

WIDTH = 8.0  # inches
PANEL = 2.7  # inches
FRAME = 0.9  # inches for the legend and the name of the axis
LINES = ("-", "--", ":", "-.")  # distinguish curves in grey print
LOG_RATIO = 50  # of the largest to the smallest value, beyond which a panel is logarithmic


def draw_learning_curves(spec: CurveFigure) -> Figure:
    """A panel for each metric, below each other, with one legend."""
    rows = -(-len(spec.labels) // 3)
    height = FRAME + 0.22 * rows + PANEL * len(spec.panels)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    cells = list(figure.subplots(len(spec.panels), 1, squeeze=False, sharex=True).flat)
    for axes, panel in zip(cells, spec.panels, strict=True):
        draw_panel(axes, panel, spec.labels)
    cells[-1].set_xlabel("epoch", fontsize=LABEL, color=INK)
    entries = [Line2D([], [], label=label, **style_of(place)) for place, label in enumerate(spec.labels)]
    figure.legend(handles=entries, loc="outside lower center", ncols=3, fontsize=TEXT, frameon=False, labelcolor=INK)
    return figure


def draw_panel(axes: Axes, panel: CurvePanel, labels: list[str]) -> None:
    style_axes(axes, grid="y")
    drawn: list[float] = []
    for series in panel.series:
        style = style_of(labels.index(series.label))
        points = [(epoch, one) for epoch, one in sorted(series.points.items()) if one.mean is not None]
        epochs, means = [epoch for epoch, _ in points], [one.mean or 0.0 for _, one in points]
        axes.plot(epochs, means, **style)
        low = [one.low if one.low is not None else one.mean or 0.0 for _, one in points]
        high = [one.high if one.high is not None else one.mean or 0.0 for _, one in points]
        axes.fill_between(epochs, low, high, color=style["color"], alpha=0.15, linewidth=0)
        drawn += means
    if drawn and min(drawn) > 0 and max(drawn) > LOG_RATIO * min(drawn):
        axes.set_yscale("log")
    quantity = panel.words.quantity(panel.metric)
    axes.set_ylabel(quantity.title_with_unit, fontsize=LABEL, color=INK)
    format_axis(axes.yaxis, quantity)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))


def style_of(place: int) -> dict[str, Any]:
    """The colour and the dashes of a series."""
    return {"color": COLORS[place % len(COLORS)], "linestyle": LINES[place % len(LINES)]}

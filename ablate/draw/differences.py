"""Draws the differences of variants from their baseline, seed by seed, with intervals: a row for each variant."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ablate.draw.canvas import format_axis, jitter, names_width, style_axes
from ablate.draw.figure_specs import DifferenceFigure
from ablate.draw.labels import without_middle
from ablate.draw.numbers import estimate_text, signed
from ablate.draw.style import COLORS, DPI, GRID_COLOR, INK, LABEL, TEXT
from ablate.draw.vector import set_tip, set_tips
from ablate.stats.comparisons import Comparison
from ablate.stats.conclusion import Conclusion
from ablate.study.words import with_unit

WIDTH = 8.0  # inches
ROW = 0.34  # inches
FRAME = 1.5  # inches for the axis, its name and the legend
MOST_LETTERS = 45  # of a variant's name, and in a line of the axis's
OFFSET = 0.26  # of a row, from the mean down to the seeds
THIN = 0.8  # points, of the interval that holds for all comparisons together
JITTER = 0.07  # of a row, from the middle of the seeds up and down

DECIDED, OPEN = COLORS[0], COLORS[8]


def draw_differences(spec: DifferenceFigure) -> Figure:
    """Mean differences with 95 % intervals, filled where a difference is shown, and the differences of the seeds.

    A thin line is the interval that holds for all comparisons together.
    """
    figure = Figure(figsize=(WIDTH, FRAME + ROW * max(3, len(spec.rows))), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    style_axes(axes, grid="both")
    axes.grid(visible=False, axis="y")
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    if spec.margin is not None:
        axes.axvspan(-spec.margin, spec.margin, color=GRID_COLOR, zorder=0)
    quantity = spec.words.quantity(spec.metric)
    for position, row in enumerate(spec.rows):
        draw_row(axes, position, row.comparison, row.label, quantity.factor)
    axes.set_yticks(range(len(spec.rows)), shortened([row.label for row in spec.rows]))
    axes.set_ylim(len(spec.rows) - 0.4, -0.6)
    name = f"{quantity.title} minus that of {without_middle(spec.baseline, MOST_LETTERS)}"
    name = with_unit(name, quantity.unit_of_differences)
    axes.set_xlabel("\n".join(textwrap.wrap(name, MOST_LETTERS)), fontsize=LABEL, color=INK)
    format_axis(axes.xaxis, quantity)
    figure.legend(
        handles=legend_entries(spec),
        loc="outside lower center",
        ncols=2,
        fontsize=TEXT,
        frameon=False,
        labelcolor=INK,
    )
    return figure


def draw_row(axes: Axes, position: int, comparison: Comparison, label: str, factor: float) -> None:
    """Draw one variant's mean, interval and seeds; `factor` multiplies the numbers in its tip."""
    estimate, values = comparison.estimate, comparison.difference.values
    shown = comparison.conclusion in (Conclusion.HIGHER, Conclusion.LOWER)
    color = DECIDED if shown else OPEN
    rows = [position + OFFSET + JITTER * jitter(at, len(values)) for at in range(len(values))]
    (dots,) = axes.plot(values, rows, ".", color=color, alpha=0.55, markersize=5, zorder=2)
    by_seed = zip(comparison.difference.seeds, values, strict=True)
    set_tips(dots, [f"{label}, seed {seed}: {signed(value * factor)}" for seed, value in by_seed])
    if estimate.mean is None:
        return
    if comparison.simultaneous is not None:
        axes.plot(comparison.simultaneous, [position] * 2, color=color, linewidth=THIN, zorder=2)
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [position] * 2, color=color, linewidth=2, zorder=3)
    (mean,) = axes.plot(
        [estimate.mean], [position], "o", mfc=color if shown else "white", mec=color, ms=7, mew=1.5, zorder=4
    )
    set_tip(mean, f"{label}: {estimate_text(estimate.times(factor))}, n = {estimate.n}", comparison.variant.key)


def shortened(labels: Sequence[str]) -> list[str]:
    """Labels that leave half of the figure to the differences."""
    return [label if names_width([label]) <= WIDTH / 2 else without_middle(label, MOST_LETTERS) for label in labels]


def legend_entries(spec: DifferenceFigure) -> list[Line2D | Patch]:
    """An entry for each kind of mark in the figure."""
    shown = [row.comparison.conclusion in (Conclusion.HIGHER, Conclusion.LOWER) for row in spec.rows]
    entries: list[Line2D | Patch] = []
    if any(shown):
        entries.append(Line2D([], [], color=DECIDED, marker="o", label="shown (mean, 95 % interval)"))
    if not all(shown):
        entries.append(Line2D([], [], color=OPEN, marker="o", mfc="white", label="not shown (mean, 95 % interval)"))
    if any(row.comparison.simultaneous for row in spec.rows):
        entries.append(Line2D([], [], color=OPEN, linewidth=THIN, label="all together (95 % interval)"))
    entries.append(Line2D([], [], color=OPEN, marker=".", ls="none", alpha=0.55, label="a seed"))
    if spec.margin is not None:
        margin = spec.margin * spec.words.quantity(spec.metric).factor
        entries.append(Patch(color=GRID_COLOR, label=f"± {margin:g}, the study's margin"))
    return entries

"""Draws the figures of a report: differences, a metric against an axis, ranks, and those of a search."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform

from ablate.draw.canvas import format_axis, jitter, style_axes
from ablate.draw.curve_specs import CurveFigure
from ablate.draw.differences import draw_differences
from ablate.draw.figure_specs import (
    AxisFigure,
    ComparedVariant,
    DifferenceFigure,
    HistoryFigure,
    Panel,
    RankFigure,
    ReportSpec,
)
from ablate.draw.labels import variant_label, without_middle
from ablate.draw.learning_curves import draw_learning_curves
from ablate.draw.numbers import estimate_text, number
from ablate.draw.optuna_figures import OptunaFigure, draw_optuna
from ablate.draw.ranks import draw_ranks
from ablate.draw.style import COLORS, DPI, INK, LABEL, LETTER, LINE, PALE, TEXT, series_style
from ablate.draw.vector import set_tip, set_tips
from ablate.options import Value
from ablate.papers.reference import Printed
from ablate.stats.variants import Variant
from ablate.study.words import NO_WORDS

Marks = Sequence[tuple[float, ComparedVariant]]  # (x, variant)

WIDTH = 8.0  # inches
POINTS = 72  # in an inch
GAP = 9.0  # points between the mean, the seeds and the paper's value of one level
MARGIN = 0.07  # of the range of values, above and below
SEED_ALPHA = 0.55
JITTER = 0.3  # of the gap, from the middle of the seeds to either side
MOST_LETTERS, FEW_LEVELS = 24, 12  # of a level's name, where there are more levels than these
SLANTED = 30  # degrees


def draw_figure(figure: ReportSpec) -> Figure:
    match figure:
        case CurveFigure():
            return draw_learning_curves(figure)
        case AxisFigure():
            return draw_axis_figure(figure)
        case DifferenceFigure():
            return draw_differences(figure)
        case HistoryFigure():
            return draw_history(figure)
        case OptunaFigure():
            return draw_optuna(figure)
        case RankFigure():
            return draw_ranks(figure)


def draw_axis_figure(spec: AxisFigure) -> Figure:
    """Means with 95 % intervals, seeds, the baseline and the paper's values, against the levels of an axis."""
    count = len(spec.panels)
    columns = columns_of(spec)
    rows = -(-count // columns)
    height = 1.2 + rows * (3.4 if columns < 3 else 2.7) + sum(label_room(spec, WIDTH * POINTS / columns, columns))
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    cells = list(figure.subplots(rows, columns, squeeze=False).flat)
    quantity = spec.words.quantity(spec.metric)
    for axes, panel in zip(cells, spec.panels, strict=False):
        draw_panel(axes, panel, spec, WIDTH * POINTS / columns)
        axes.set_ylim(value_range(spec, panel))
        format_axis(axes.yaxis, quantity)
    for axes in cells[max(0, count - columns) : count]:
        axes.set_xlabel(spec.words.axis_title(spec.axis), fontsize=LABEL, color=INK)
    for axes in cells[count:]:
        axes.set_visible(False)
    figure.supylabel(quantity.title_with_unit, fontsize=LABEL, color=INK)
    draw_legend(figure, list(legend_entries(spec)))
    return figure


def columns_of(spec: AxisFigure) -> int:
    """The columns of a figure's panels: as few as the names of its levels need to be upright beside each other."""
    count = len(spec.panels)
    columns = count if count < 3 else 2 if count == 4 else 3
    named = max((len(panel.levels) for panel in spec.panels if not panel.numeric), default=0)
    while columns > 1 and room_of(named, WIDTH * POINTS / columns) < LINE:
        columns -= 1
    return columns


def room_of(levels: int, width: float) -> float:
    """The points between two of so many levels that stand side by side on axes of a width."""
    return 0.8 * width / (max(1, levels) + 0.2)


def label_room(spec: AxisFigure, width: float, columns: int) -> Iterator[float]:
    """The inches that the rotated names of levels take below each row of panels."""
    for row in batched_panels(spec.panels, columns):
        angles = [(panel, name_angle(panel, width)) for panel in row if not panel.numeric]
        sizes = [longest(panel) * LETTER * math.sin(math.radians(angle)) / POINTS for panel, angle in angles]
        yield max(sizes, default=0.0)


def batched_panels(panels: Sequence[Panel], columns: int) -> Iterator[Sequence[Panel]]:
    """The panels of each row."""
    for start in range(0, len(panels), columns):
        yield panels[start : start + columns]


def longest(panel: Panel) -> int:
    """The letters of the longest name of a level."""
    return max(len(name) for name in level_names(panel))


def level_names(panel: Panel) -> list[str]:
    """The levels as text; long words are without their middle, since variants of a name differ at its ends."""
    most = MOST_LETTERS if len(panel.names) > FEW_LEVELS else 2 * MOST_LETTERS
    return list(panel.names) if panel.numeric else [without_middle(name, most) for name in panel.names]


def name_angle(panel: Panel, width: float) -> int:
    """The angle of the names of levels at which no two overlap, on axes `width` points wide."""
    room = room_of(len(panel.levels), width)
    if longest(panel) * LETTER <= room:
        return 0
    turn = math.radians(SLANTED)
    short = longest(panel) * LETTER * math.cos(turn) <= 1.5 * room  # longer ones would reach beside the panel
    return SLANTED if short and room * math.sin(turn) >= LINE else 90


def draw_history(spec: HistoryFigure) -> Figure:
    """A value of each proposal of a search by its number, and the best value so far."""
    figure = Figure(figsize=(WIDTH, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    style_axes(axes, grid="y")
    numbers, means = zip(*spec.means, strict=True)
    best = list(accumulate(means, max if spec.direction == "maximize" else min))
    axes.plot(numbers, means, "o", color=COLORS[0], markersize=5, alpha=0.7, label="at a proposal")
    axes.step(numbers, best, where="post", color=COLORS[1], linewidth=2, label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("proposal", fontsize=LABEL, color=INK)
    quantity = NO_WORDS.quantity(spec.metric)
    axes.set_ylabel(quantity.title_with_unit, fontsize=LABEL, color=INK)
    format_axis(axes.yaxis, quantity)
    draw_legend(figure, axes.get_legend_handles_labels()[0])
    return figure


def draw_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    columns = min(4, len(handles))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, fontsize=TEXT, frameon=False, labelcolor=INK
    )


def draw_panel(axes: Axes, panel: Panel, spec: AxisFigure, width: float) -> None:
    """Draw the lines of a panel on axes that are `width` points wide.

    Lines share a level's tick: each is shifted, with its seeds to the right and the paper's value to the left.  At
    numbers, to which the means of all lines stay near, the seeds of all lines are to the right of all means.
    """
    style_axes(axes, panel.title, grid="y")
    room, count = set_levels(axes, panel, width), len(panel.lines)
    gap = min(GAP, 0.9 * room / (count + 2) if panel.numeric else 0.3 * room / count)
    for index, line in enumerate(panel.lines):
        color, marker = series_style(spec.line_labels.index(line.label))
        shift = (index - (count - 1) / 2) * gap * (1 / 3 if panel.numeric else 3)
        aside = gap * (1 + (count - 1) / 3) if panel.numeric else gap
        marks = [(x_of(panel, member.variant.level(spec.axis)), member) for member in line.members]
        draw_means(axes, marks, color, marker, "-" if panel.numeric else "none", shifted(axes, shift))
        draw_seeds(axes, marks, color, shift + aside, JITTER * gap / (2 if panel.numeric and count > 1 else 1))
        draw_printed(axes, marks, color if count > 1 else INK, shifted(axes, shift - aside))


def draw_means(axes: Axes, marks: Marks, color: str, marker: str, linestyle: str, at: Transform) -> None:
    """Draw means with their intervals and tips, and a ring around the baseline."""
    scored = [(x, mean, member.variant) for x, member in marks if (mean := member.variant.estimate.mean) is not None]
    xs, means = [x for x, _, _ in scored], [mean for _, mean, _ in scored]
    axes.plot(xs, means, color=color, marker=marker, ms=6, linewidth=1.2, linestyle=linestyle, transform=at, zorder=4)
    for x, mean, variant in scored:
        axes.plot([x, x], interval(variant), color=color, linewidth=2, transform=at, zorder=3)
        # transparent, so that only the mouse finds it
        (area,) = axes.plot([x], [mean], "8", ms=14, mec="none", mfc=color, alpha=0, transform=at, zorder=6)
        text = estimate_text(variant.estimate.times(variant.quantity.factor))
        set_tip(area, f"{variant_label(variant, variant.levels)}: {text}, n = {variant.estimate.n}", variant.key)
        if variant.baseline:
            axes.plot([x], [mean], "o", mfc="none", mec=INK, ms=14, mew=1.3, transform=at, zorder=5)


def draw_seeds(axes: Axes, marks: Marks, color: str, middle: float, reach: float) -> None:
    """Draw the score of each seed as a dot, at most `reach` points from the middle.

    A seed has the same place at all levels.
    """
    seeds = sorted({seed for _, member in marks for seed in member.variant.scores})
    for place, seed in enumerate(seeds):
        scored = [(x, member.variant.scores[seed]) for x, member in marks if seed in member.variant.scores]
        xs, scores = zip(*scored, strict=True)
        at = shifted(axes, middle + jitter(place, len(seeds)) * reach)
        (dots,) = axes.plot(xs, scores, ".", color=color, alpha=SEED_ALPHA, markersize=5, transform=at, zorder=2)
        set_tips(dots, [seed_tip(member.variant, seed) for _, member in marks if seed in member.variant.scores])


def seed_tip(variant: Variant, seed: int) -> str:
    """`k=50, seed 2: 84.10`"""
    score = number(variant.scores[seed] * variant.quantity.factor)
    return f"{variant_label(variant, variant.levels)}, seed {seed}: {score}"


def draw_printed(axes: Axes, marks: Marks, color: str, at: Transform) -> None:
    """Draw the paper's values as hollow diamonds, with the standard deviations or errors that it prints."""
    for x, member in marks:
        if member.printed is not None:
            axes.plot([x, x], printed_range(member.printed), color=color, linewidth=1.2, transform=at, zorder=2)
            axes.plot([x], [member.printed.value], "D", mfc="white", mec=color, ms=5.5, mew=1.3, transform=at, zorder=5)


def set_levels(axes: Axes, panel: Panel, width: float) -> float:
    """Set the x axis's scale, range and tick labels; return the least distance between two levels in points.

    Numbers are placed at their values, other levels side by side.  Labels that would overlap are left out where levels
    are numbers, and rotated otherwise.
    """
    texts = level_names(panel)
    xs = [x_of(panel, level) for level in panel.levels]
    if panel.logarithmic:
        smallest = min(abs(x) for x in xs if x)
        axes.set_xscale(**({"value": "log"} if min(xs) > 0 else {"value": "symlog", "linthresh": smallest}))
    to_scale = axes.xaxis.get_transform()
    scaled = [float(x) for x in to_scale.transform(xs)]
    pad = (0.08 * (scaled[-1] - scaled[0]) or 0.5) if panel.numeric else 0.6
    ends = to_scale.inverted().transform([scaled[0] - pad, scaled[-1] + pad])
    axes.set_xlim(float(ends[0]), float(ends[1]))
    points_per_unit = 0.8 * width / (scaled[-1] - scaled[0] + 2 * pad)
    positions = [points_per_unit * x for x in scaled]
    axes.set_xticks(xs, without_overlaps(texts, positions) if panel.numeric else texts)
    if not panel.numeric and (angle := name_angle(panel, width)):
        rotate_labels(axes, angle)
        crowd = min(1.0, room_of(len(texts), width) / LINE)
        axes.tick_params(axis="x", labelsize=TEXT * crowd)
    axes.minorticks_off()
    return min((right - left for left, right in pairwise(positions)), default=width)


def rotate_labels(axes: Axes, angle: int) -> None:
    axes.tick_params(axis="x", labelrotation=angle)
    for label in axes.get_xticklabels():
        label.set(ha="right", va="center" if angle == 90 else "baseline", rotation_mode="anchor")


def without_overlaps(texts: Iterable[str], positions: Iterable[float]) -> list[str]:
    """Labels at positions in points, where those that would overlap the one before are empty."""
    shown, end = [], float("-inf")
    for text, position in zip(texts, positions, strict=True):
        half = (len(text) + 1) * LETTER / 2
        fits = position - half >= end
        shown.append(text if fits else "")
        end = position + half if fits else end
    return shown


def value_range(spec: AxisFigure, panel: Panel) -> tuple[float, float]:
    """The limits of a panel's y axis: all panels of a data set have the same."""
    datasets = {member.variant.config.dataset for line in panel.lines for member in line.members}
    alike = [member for member in spec.members if member.variant.config.dataset in datasets]
    values = [value for member in alike for value in drawn_values(member)]
    if not values:
        return 0.0, 1.0
    margin = MARGIN * (max(values) - min(values)) or 0.05 * abs(values[0]) or 0.5
    return min(values) - margin, max(values) + margin


def drawn_values(member: ComparedVariant) -> Iterator[float]:
    if member.variant.scores:
        yield from (*member.variant.scores.values(), *interval(member.variant))
    if member.printed is not None:
        yield from printed_range(member.printed)


def interval(variant: Variant) -> list[float]:
    """The ends of the interval; the mean twice where there is none."""
    estimate = variant.estimate
    return [end for end in (estimate.low, estimate.high) if end is not None] or [estimate.mean or 0.0] * 2


def printed_range(printed: Printed) -> tuple[float, float]:
    """The paper's value minus and plus its standard deviation or error; the value twice where it prints none."""
    return printed.value - (printed.std or 0.0), printed.value + (printed.std or 0.0)


def legend_entries(spec: AxisFigure) -> Iterator[Line2D]:
    """An entry for each kind of mark in the figure; for each line by its label, where there are several."""
    labels, members = spec.line_labels, list(spec.members)
    several_seeds = any(member.variant.estimate.n > 1 for member in members)
    only = "mean, 95 % interval" if several_seeds else "one seed, no interval"
    for index, label in enumerate(labels):
        color, marker = series_style(index)
        yield Line2D([], [], color=color, marker=marker, label=label if len(labels) > 1 else only)
    if len(labels) > 1:
        yield Line2D([], [], color=PALE, linewidth=2, label="95 % interval" if several_seeds else only)
    seeds = COLORS[0] if len(labels) == 1 else PALE
    yield Line2D([], [], color=seeds, marker=".", ls="none", alpha=SEED_ALPHA, label="a seed")
    if any(member.variant.baseline and member.variant.scores for member in members):
        yield Line2D([], [], marker="o", ls="none", mfc="none", mec=INK, ms=12, mew=1.3, label="baseline")
    for spread in sorted({member.printed.spread for member in members if member.printed}):
        yield Line2D([], [], marker="D", color=INK, mfc="white", mec=INK, ms=5.5, label=f"paper ± {spread}")


def x_of(panel: Panel, level: Value) -> float:
    return float(level or 0) if panel.numeric else float(panel.levels.index(level))


def shifted(axes: Axes, points: float) -> Transform:
    """The axes' data coordinates, shifted to the right by a distance in points."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.transData + ScaledTranslation(points / POINTS, 0, figure.dpi_scale_trans)

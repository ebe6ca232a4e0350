"""What the figures of a report show, as values: which variants, in which panel, on which line."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ablate.draw.curve_specs import CurveFigure
from ablate.draw.labels import variant_label
from ablate.draw.optuna_figures import OptunaFigure
from ablate.options import Value, is_number
from ablate.papers.reference import Printed
from ablate.stats.across_datasets import Ranking
from ablate.stats.comparisons import Comparison
from ablate.stats.trend import is_geometric
from ablate.stats.variants import CASE_AXES, Variant
from ablate.study.model import Study, compared_axes
from ablate.study.words import NO_WORDS, Words

Direction = Literal["maximize", "minimize"]

MAX_LINES = 5
MAX_ROWS = 30
MAX_PANELS = 9
MAX_LINEAR_DECADES = 2  # numeric levels that span more are drawn on a logarithmic axis


@dataclass(frozen=True)
class ComparedVariant:
    """A variant and the value that the paper prints for it, if any."""

    variant: Variant
    printed: Printed | None = None


@dataclass(frozen=True)
class Line:
    """Variants that differ only in their level of the figure's axis."""

    label: str  # empty where the panel has one line
    members: tuple[ComparedVariant, ...]


@dataclass(frozen=True)
class Panel:
    """Lines that share one pair of axes, and the levels at their ticks, in order."""

    title: str
    lines: tuple[Line, ...]
    levels: tuple[Value, ...]
    names: tuple[str, ...]  # of the levels

    @property
    def numeric(self) -> bool:
        """Whether levels are drawn at their values, not side by side."""
        return all(is_number(level) for level in self.levels)

    @property
    def logarithmic(self) -> bool:
        """Whether numeric levels are geometric, or span, by their magnitudes and zero aside, MAX_LINEAR_DECADES."""
        numbers = [level for level in self.levels if is_number(level)]
        sizes = [abs(level) for level in numbers if level]
        wide = len(sizes) > 1 and math.log10(max(sizes) / min(sizes)) > MAX_LINEAR_DECADES
        return self.numeric and (wide or is_geometric(sorted(numbers)))


@dataclass(frozen=True)
class AxisFigure:
    """A metric against the levels of one axis, in panels."""

    axis: str
    metric: str
    panels: tuple[Panel, ...]
    note: str = ""  # which variants are left out
    words: Words = NO_WORDS

    @property
    def members(self) -> Iterator[ComparedVariant]:
        """The variants of all lines of all panels."""
        return (member for panel in self.panels for line in panel.lines for member in line.members)

    @property
    def line_labels(self) -> list[str]:
        """The labels of all lines of all panels, each once."""
        return list(dict.fromkeys(line.label for panel in self.panels for line in panel.lines))


@dataclass(frozen=True)
class HistoryFigure:
    """The means of a search's proposals, and the best so far."""

    metric: str
    direction: Direction
    means: tuple[tuple[int, float], ...]  # (number of the proposal from 1, mean)


@dataclass(frozen=True)
class DifferenceRow:
    """A variant's differences from the baseline."""

    label: str
    comparison: Comparison


@dataclass(frozen=True)
class DifferenceFigure:
    """Differences from the baseline, a row per variant."""

    metric: str
    baseline: str
    rows: tuple[DifferenceRow, ...]
    margin: float | None = None
    note: str = ""  # which variants are left out
    words: Words = NO_WORDS


def difference_figure(metric: str, comparisons: Sequence[Comparison]) -> DifferenceFigure:
    """The figure of a study's comparisons, one or more; of more than MAX_ROWS, those with the largest differences."""
    largest = sorted(comparisons, key=lambda one: -abs(one.estimate.mean or 0.0))[:MAX_ROWS]
    baselines = list(
        dict.fromkeys(variant_label(one.baseline, compared_axes(one.baseline.levels)) for one in comparisons)
    )
    cases = len({one.variant.case for one in comparisons}) > 1
    rows = [
        DifferenceRow(variant_label(one.variant, [*(CASE_AXES if cases else ()), *one.variant.levels]), one)
        for one in comparisons
        if one in largest
    ]
    note = f"the {MAX_ROWS} largest of {len(comparisons)}" if len(comparisons) > MAX_ROWS else ""
    baseline = baselines[0] if len(baselines) == 1 else "the baseline"
    return DifferenceFigure(metric, baseline, tuple(rows), comparisons[0].margin, note, comparisons[0].baseline.words)


@dataclass(frozen=True)
class RankFigure:
    """Mean ranks of variants over data sets."""

    ranking: Ranking


ReportSpec = AxisFigure | CurveFigure | DifferenceFigure | HistoryFigure | OptunaFigure | RankFigure


def axis_figure(study: Study, compared: Sequence[ComparedVariant], axis: str, metric: str) -> AxisFigure:
    """The figure of an axis.

    Of the other axes, the one with the most levels, but at most MAX_LINES, is drawn as lines.  Each data set and each
    combination of levels of the rest has a panel; with more than MAX_PANELS, only the baseline of the rest is shown.
    """
    shown = [member for member in compared if belongs(study, member.variant, axis)]
    line_axis, panel_axes = divide_axes(study, [member.variant for member in shown], axis)
    note = ""
    if len({variant_label(member.variant, panel_axes) for member in shown}) > MAX_PANELS:
        shown = [member for member in shown if at_baseline(study, member.variant, panel_axes)]
        left_out = ", ".join(study.words.axis(name) for name in panel_axes if name not in CASE_AXES)
        note = f"only the baseline of {left_out}" if left_out else "only the baseline of each case"
    panels = [panel_of(study, axis, title, group, line_axis) for title, group in grouped(shown, panel_axes)]
    return AxisFigure(axis, metric, tuple(panels), note, study.words)


def panel_of(study: Study, axis: str, title: str, members: Sequence[ComparedVariant], line_axis: str | None) -> Panel:
    levels = levels_of(study, [member.variant for member in members], axis)
    return Panel(title, lines(members, line_axis), levels, tuple(study.words.level(axis, level) for level in levels))


def divide_axes(study: Study, variants: Sequence[Variant], axis: str) -> tuple[str | None, tuple[str, ...]]:
    """The axis whose levels are lines, if any, and the axes whose levels are panels."""
    others = [other for other in axes_of(study, variants) if other not in (axis, "dataset")]
    counts = {other: len(levels_of(study, variants, other)) for other in others}
    line_axis = max((other for other in others if counts[other] <= MAX_LINES), key=counts.__getitem__, default=None)
    return line_axis, tuple(name for name in ("dataset", *others) if name not in (axis, line_axis))


def lines(members: Iterable[ComparedVariant], line_axis: str | None) -> tuple[Line, ...]:
    """The variants of a panel, grouped by their level of the axis that is drawn as lines."""
    axes = (line_axis,) if line_axis else ()
    return tuple(Line(label, tuple(group)) for label, group in grouped(members, axes))


def grouped(members: Iterable[ComparedVariant], axes: Sequence[str]) -> Iterable[tuple[str, list[ComparedVariant]]]:
    """Variants by their levels on some axes, each group with its label."""
    groups: dict[str, list[ComparedVariant]] = {}
    for member in members:
        groups.setdefault(variant_label(member.variant, axes), []).append(member)
    return groups.items()


def axes_of(study: Study, variants: Sequence[Variant]) -> tuple[str, ...]:
    """The axes that get a figure: those with two levels or more; `dataset` only where nothing else varies."""
    written = list(dict.fromkeys(axis for case in study.cases for axis in case.axes))
    axes = [axis for axis in written if len(levels_of(study, variants, axis)) > 1]
    if "method" not in axes and len(levels_of(study, variants, "method")) > 1:
        axes.append("method")
    return tuple(axes) or (("dataset",) if len(levels_of(study, variants, "dataset")) > 1 else ())


def belongs(study: Study, variant: Variant, axis: str) -> bool:
    """Whether a variant is shown in an axis's figure: it has a level, and its other levels are crossed or baseline."""
    case = study.cases[variant.case]
    crossed = case.design == "grid" and axis in case.axes
    return variant.has(axis) and (crossed or at_baseline(study, variant, set(variant.levels) - {axis}))


def at_baseline(study: Study, variant: Variant, axes: Iterable[str]) -> bool:
    """Whether a variant has its case's baseline level on those of the axes that it has."""
    baseline = study.cases[variant.case].baseline
    return all(variant.levels[axis] == baseline[axis] for axis in axes if axis in variant.levels and axis in baseline)


def levels_of(study: Study, variants: Iterable[Variant], axis: str) -> tuple[Value, ...]:
    """The levels that variants have on an axis: numbers ascending, others in the study's order."""
    written = [level for case in study.cases for level in case.axes.get(axis, ())]
    present = [variant.level(axis) for variant in variants if variant.has(axis)]
    in_order = [level for level in written if level in present]
    levels = tuple(dict.fromkeys([*in_order, *present]))  # a case without the axis adds its own method or data set
    numbers = [level for level in levels if is_number(level)]
    return tuple(sorted(numbers)) if len(numbers) == len(levels) else levels

"""What a figure of one axis shows: which variants, in which panel, on which line."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ablate.draw.labels import level_text
from ablate.options import Value
from ablate.stats.variants import OF_CASES, Variant, is_number
from ablate.study.model import Study
from ablate.trial import short

MOST_LINES = 5
MOST_PANELS = 9
DECADES = 2  # numeric levels that span more stand on a logarithmic axis


@dataclass(frozen=True)
class Line:
    """Variants that differ in nothing but the axis."""

    label: str  # empty for the only line
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Panel:
    """Lines that share one pair of axes, and the levels that these are marked with, in order."""

    title: str
    lines: tuple[Line, ...]
    levels: tuple[Value, ...]

    @property
    def numeric(self) -> bool:
        return all(is_number(level) for level in self.levels)

    @property
    def logarithmic(self) -> bool:
        """Whether the sizes of numeric levels, zero aside, span more than two decades."""
        sizes = [abs(level) for level in self.levels if is_number(level) and level]
        return self.numeric and len(sizes) > 1 and math.log10(max(sizes) / min(sizes)) > DECADES


@dataclass(frozen=True)
class Layout:
    """One figure: the axis, its panels, and what was left out."""

    axis: str
    panels: tuple[Panel, ...]
    note: str = ""


def axes_of(study: Study, found: Sequence[Variant]) -> tuple[str, ...]:
    """The axes that deserve a figure: those with two levels or more; the data set only where nothing else varies."""
    written = list(dict.fromkeys(axis for case in study.cases for axis in case.axes))
    axes = [axis for axis in written if len(levels_of(study, found, axis)) > 1]
    if "method" not in axes and len(levels_of(study, found, "method")) > 1:
        axes.append("method")
    return tuple(axes) or (("dataset",) if len(levels_of(study, found, "dataset")) > 1 else ())


def layout(study: Study, found: Sequence[Variant], axis: str) -> Layout:
    """A line for each level of one other axis that has few, a panel for each data set and each level of the rest."""
    shown = [one for one in found if comparable(study, one, axis)]
    others = [other for other in axes_of(study, shown) if other not in (axis, "dataset")]
    few = [other for other in others if len(levels_of(study, shown, other)) <= MOST_LINES]
    across = max(few, key=lambda other: len(levels_of(study, shown, other)), default=None)
    apart = tuple(name for name in ("dataset", *others) if name not in (axis, across))
    note = ""
    if len({where(one, apart) for one in shown}) > MOST_PANELS:
        shown = [one for one in shown if at_baseline(study, one, apart)]
        left_out = ", ".join(short(name) for name in apart if name not in OF_CASES)
        note = f"only the baseline of {left_out}" if left_out else "only the baseline of each case"
    groups: dict[str, list[Variant]] = {}
    for one in shown:
        groups.setdefault(where(one, apart), []).append(one)
    panels = [Panel(title, lines(group, across), levels_of(study, group, axis)) for title, group in groups.items()]
    return Layout(axis, tuple(panels), note)


def lines(members: Iterable[Variant], across: str | None) -> tuple[Line, ...]:
    """The variants of a panel, apart by their level of the axis that lines stand for."""
    groups: dict[str, list[Variant]] = {}
    for one in members:
        groups.setdefault(where(one, (across,)) if across else "", []).append(one)
    return tuple(Line(label, tuple(group)) for label, group in groups.items())


def comparable(study: Study, one: Variant, axis: str) -> bool:
    """Whether a variant belongs to an axis: it has a level, and the rest is crossed with it or at the baseline."""
    case = study.cases[one.case]
    if axis not in one.levels and axis not in OF_CASES:
        return False
    return (case.design == "grid" and axis in case.axes) or at_baseline(study, one, set(one.levels) - {axis})


def at_baseline(study: Study, one: Variant, axes: Iterable[str]) -> bool:
    """Whether a variant is at its case's baseline on these axes, as far as it has them."""
    baseline = study.cases[one.case].baseline
    return all(one.levels[axis] == baseline[axis] for axis in axes if axis in one.levels and axis in baseline)


def levels_of(study: Study, found: Iterable[Variant], axis: str) -> tuple[Value, ...]:
    """The levels that variants have on an axis: numbers by size, words as the study writes them."""
    written = [level for case in study.cases for level in case.axes.get(axis, ())]
    have = [one.level(axis) for one in found if axis in one.levels or axis in OF_CASES]
    levels = tuple(dict.fromkeys([*(level for level in written if level in have), *have]))  # cases may fix one
    numbers = [level for level in levels if is_number(level)]
    return tuple(sorted(numbers)) if len(numbers) == len(levels) else levels


def where(one: Variant, axes: Iterable[str]) -> str:
    """Levels in words: `fsdd, k=50`."""
    named = [axis for axis in axes if axis in one.levels or axis in OF_CASES]
    return ", ".join(
        str(one.level(axis)) if axis in OF_CASES else f"{short(axis)}={level_text(one.level(axis))}" for axis in named
    )

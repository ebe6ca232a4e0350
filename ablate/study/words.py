"""The words and units in which axes, levels and metrics are shown, in figures, tables, sentences and views.

They are a study's `labels`; without one a setting or a metric has its own name, and figures show accuracies and error
rates, which are fractions, in per cent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ablate.options import Value
from ablate.study.labels import Label
from ablate.trial import Trial, plain, short

PER_CENT = "%"
SHARES = ("accuracy", "error_rate")  # how the names of metrics end that figures show in per cent
NO_LABEL = Label()


@dataclass(frozen=True)
class Quantity:
    """A metric as it is shown: without a label, tables and sentences have its name and its numbers as they are stored.

    With one, they have its words and its unit, as figures have them.
    """

    name: str = ""  # in sentences and above columns: `linear/accuracy`, or the label as it is written
    title: str = ""  # at an axis of a figure: `linear accuracy`
    unit: str = ""
    labelled: bool = False

    @property
    def per_cent(self) -> bool:
        """Whether figures show it times 100."""
        return self.unit == PER_CENT

    @property
    def factor(self) -> float:
        """What numbers in tables and sentences are multiplied by."""
        return 100.0 if self.per_cent and self.labelled else 1.0

    @property
    def title_with_unit(self) -> str:
        return with_unit(self.title, self.unit)

    @property
    def head(self) -> str:
        """The head of a column of means."""
        return with_unit(self.name, self.unit) if self.labelled else self.name

    @property
    def unit_of_differences(self) -> str:
        return "percentage points" if self.per_cent else self.unit

    def head_of_differences(self, name: str) -> str:
        """The head of a column of differences: `slope`, or `slope (percentage points)`."""
        return with_unit(name, self.unit_of_differences) if self.labelled else name

    @property
    def after_difference(self) -> str:
        """What follows a difference in a sentence: nothing, or ` percentage points`."""
        return f" {self.unit_of_differences}" if self.labelled and self.unit else ""


@dataclass(frozen=True)
class Words:
    """The words of a study."""

    labels: Mapping[str, Label] = field(default_factory=dict)  # path of a setting, or metric → label

    def axis(self, path: str) -> str:
        """An axis in sentences and labels of variants: `ε`; without a label the last word of its path."""
        return self._label(path).label or short(path)

    def axis_title(self, path: str) -> str:
        """An axis at that of a figure, with its unit: `radius (pixels)`."""
        return with_unit(self._label(path).label or in_words(path), self._label(path).unit)

    def axis_head(self, path: str) -> str:
        """An axis above a column of its levels, with its unit."""
        return with_unit(self.axis(path), self._label(path).unit)

    def level(self, path: str, level: Value) -> str:
        text = level_text(level)
        return self._label(path).levels.get(text, text)

    def assignment(self, path: str, level: Value) -> str:
        """`ε=5`, with the unit of the axis where it has one; of data sets and methods the level alone."""
        if "." not in path:
            return self.level(path, level)
        unit = self._label(path).unit
        return f"{self.axis(path)}={self.level(path, level)}" + (f" {unit}" if unit else "")

    def assignments(self, levels: Mapping[str, Value], axes: Iterable[str]) -> str:
        """The levels on those of the axes that have one: `fsdd, k=50`."""
        return ", ".join(self.assignment(axis, levels[axis]) for axis in axes if axis in levels)

    def trial(self, trial: Trial) -> str:
        """A trial's name in the words of the labels; axes without one as in the name that commands take."""
        levels = trial.levels.items()
        named = [self.assignment(path, level) if path in self.labels else plain(path, level) for path, level in levels]
        return trial.named(named)

    def value(self, metric: str, value: float) -> str:
        """A metric and its value with four digits: `kNN accuracy 65.46 %`, or `knn/accuracy 0.6546` without a label."""
        quantity = self.quantity(metric)
        unit = f" {quantity.unit}" if quantity.labelled and quantity.unit else ""
        return f"{quantity.name} {quantity.factor * value:.4g}{unit}"

    def in_sentence(self, levels: Mapping[str, Value], axes: Sequence[str]) -> str:
        """The same, in parentheses where there are several axes."""
        text = self.assignments(levels, axes)
        return f"({text})" if len(axes) > 1 else text

    def quantity(self, metric: str) -> Quantity:
        label = self._label(metric)
        default = PER_CENT if metric.endswith(SHARES) else ""
        unit = default if label.unit is None else label.unit
        return Quantity(label.label or metric, label.label or in_words(metric), unit, metric in self.labels)

    def _label(self, path: str) -> Label:
        return self.labels.get(path, NO_LABEL)


NO_WORDS, NO_QUANTITY = Words(), Quantity()


def with_unit(name: str, unit: str | None) -> str:
    return f"{name} ({unit})" if unit else name


def in_words(name: str) -> str:
    """The name of a metric or a setting in words: `linear/error_rate` → `linear error rate`, `method.k` → `k`."""
    return short(name).replace("/", " ").replace("_", " ")


def level_text(level: Value) -> str:
    """A level as text: 5.0 → `5`, True → `on`, None → `none`."""
    if isinstance(level, bool):
        return "on" if level else "off"
    if level is None:
        return "none"
    return f"{level:.6g}" if isinstance(level, float) else str(level)


def difference_sentence(quantity: Quantity, direction: str, baseline: str, others: str) -> str:
    """`Compared with the baseline k=50, linear/accuracy is higher for k=100.`"""
    return f"Compared with the baseline {baseline}, {quantity.name} is {direction} for {others}."

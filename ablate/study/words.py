"""The words and units in which axes, levels and metrics are shown, in figures, tables, sentences and views.

They are a study's `labels`; without one a setting or a metric has its own name, and accuracies and error rates, which
are stored as fractions, are shown in per cent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ablate.options import Value
from ablate.study.labels import Label
from ablate.trial import Trial, plain, short

PER_CENT, POINT, POINTS = "%", "percentage point", "percentage points"  # the last two are of differences
SHARES = ("accuracy", "error_rate")  # words in the names of metrics that are shown in per cent
NO_LABEL = Label()


@dataclass(frozen=True)
class Quantity:
    """A metric as it is shown, with the same name, numbers and unit in sentences, tables and figures."""

    name: str = ""  # in sentences and above columns: `linear/accuracy`, or the label as it is written
    title: str = ""  # at an axis of a figure: `linear accuracy`
    unit: str = ""

    @property
    def per_cent(self) -> bool:
        return self.unit == PER_CENT

    @property
    def factor(self) -> float:
        """What its numbers, which are stored as fractions where they are shown in per cent, are multiplied by."""
        return 100.0 if self.per_cent else 1.0

    @property
    def title_with_unit(self) -> str:
        return with_unit(self.title, self.unit)

    @property
    def head(self) -> str:
        """The head of a column of means."""
        return with_unit(self.name, self.unit)

    @property
    def unit_of_differences(self) -> str:
        return POINTS if self.per_cent else self.unit

    def head_of_differences(self, name: str) -> str:
        """The head of a column of differences: `slope`, or `slope (percentage points)`."""
        return with_unit(name, self.unit_of_differences)

    def difference(self, number: str) -> str:
        """A difference in a sentence, with its unit: `10.0 ± 2.5 percentage points`, `1 percentage point`."""
        unit = POINT if self.per_cent and number == "1" else self.unit_of_differences
        return f"{number} {unit}" if unit else number


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
        """A metric and its value with four digits: `knn/accuracy 65.46 %`, `train/loss 0.6546`."""
        quantity = self.quantity(metric)
        return f"{quantity.name} {quantity.factor * value:.4g} {quantity.unit}".rstrip()

    def in_sentence(self, levels: Mapping[str, Value], axes: Sequence[str]) -> str:
        """The same, in parentheses where there are several axes."""
        text = self.assignments(levels, axes)
        return f"({text})" if len(axes) > 1 else text

    def quantity(self, metric: str) -> Quantity:
        label = self._label(metric)
        unit = usual_unit(metric) if label.unit is None else label.unit
        return Quantity(label.label or metric, label.label or in_words(metric), unit)

    def _label(self, path: str) -> Label:
        return self.labels.get(path, NO_LABEL)


NO_WORDS, NO_QUANTITY = Words(), Quantity()


def usual_unit(metric: str) -> str:
    """The unit of a metric without a label: % of an accuracy or an error rate, also of their spreads."""
    words = f"_{metric.rpartition('/')[2]}_"
    return PER_CENT if any(f"_{share}_" in words for share in SHARES) else ""


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

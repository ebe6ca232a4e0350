"""What a figure of learning curves shows, as values."""

from collections.abc import Mapping
from dataclasses import dataclass

from ablate.stats.estimate import Estimate
from ablate.study.words import NO_WORDS, Words


@dataclass(frozen=True)
class CurveSeries:
    """A variant's curve: its estimate over seeds at each epoch."""

    label: str
    points: Mapping[int, Estimate]


@dataclass(frozen=True)
class CurvePanel:
    """The curves of one metric."""

    metric: str
    series: tuple[CurveSeries, ...]
    words: Words = NO_WORDS


@dataclass(frozen=True)
class CurveFigure:
    """Learning curves of several variants with bands over seeds, a panel for each metric."""

    panels: tuple[CurvePanel, ...]
    note: str = ""  # which variants are left out

    @property
    def labels(self) -> list[str]:
        """The labels of all series, each once."""
        return list(dict.fromkeys(series.label for panel in self.panels for series in panel.series))

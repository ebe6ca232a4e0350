"""What a report states, as values: no format, no Markdown, no drawing library.

`content` builds a `Report`; a module per format writes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ablate.draw.figure_specs import ComparedVariant, Direction, ReportSpec
from ablate.papers.reference import Ablation, Printed
from ablate.reporting.design_findings import DesignFindings
from ablate.reporting.execution import Execution
from ablate.reporting.links import Links
from ablate.reporting.paper import Difference
from ablate.reporting.pictures import Pictures
from ablate.reporting.verdicts import FindingVerdict
from ablate.stats.estimate import Estimate
from ablate.study.model import Study
from ablate.study.words import Quantity


@dataclass(frozen=True)
class Measured:
    """An estimate in a table."""

    estimate: Estimate
    smaller: bool = False  # whether it was measured at a smaller scale than the paper's
    link: str = ""  # the address of its run in MLflow
    best: bool = False  # whether it is the best of its table, or not distinguished from it
    factor: float = 1.0  # what it is multiplied by where it is shown: 100 in per cent
    scale: float = 0.0  # the largest mean that it is compared with, which decides the least digits; 0: none


def scale_of(estimates: Iterable[Estimate]) -> float:
    """The size of the largest mean; 0 without means."""
    return max((abs(one.mean) for one in estimates if one.mean is not None), default=0.0)


@dataclass(frozen=True)
class Linked:
    """A text in a table that links to a run."""

    text: str
    link: str = ""


Cell = str | int | float | Measured | Linked | Printed | None  # None: there is no value


@dataclass(frozen=True)
class Table:
    """Rows of cells below a head; each row is as long as the head."""

    head: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)  # name in the head → in JSON, whose numbers have no unit


@dataclass(frozen=True)
class Results:
    """The measured values."""

    variants: tuple[ComparedVariant, ...]  # all of them
    table: Table  # of the study's metric; the best variants where the study is a search
    other_metrics: tuple[Table, ...]  # each as wide as a page; none for a search
    smaller: tuple[Difference, ...] = ()  # of what the study has less than the paper
    direction: Direction | None = None  # of a search
    front: Table = Table()  # the Pareto front of a search of several objectives
    constraints: tuple[str, ...] = ()  # of a search, which the best settings and the front hold
    best: str = ""  # the file of a study that runs the best settings of a search
    importance: Table = Table()  # of each setting of a search
    proposals: Table = Table()  # of a search: all of them, with their cost
    confirmation: Table = Table()  # of a search: its winner and runner-up on fresh seeds
    pivots: tuple[tuple[str, Table], ...] = ()  # (title, table) of two axes
    seeds: Table = Table()  # the score of each seed

    @property
    def has_best(self) -> bool:
        """Whether a mean in the table is marked as the best."""
        return any(isinstance(cell, Measured) and cell.best for row in self.table.rows for cell in row)


@dataclass(frozen=True)
class ReportFigure:
    """A figure, the stem of its file's name, and its caption."""

    stem: str
    caption: str
    spec: ReportSpec


@dataclass(frozen=True)
class PaperSection:
    """What the paper states on the study's question."""

    id: str
    title: str
    place: str  # `Table V`; empty where the study names none
    ablations: tuple[Ablation, ...]
    verdicts: tuple[FindingVerdict, ...]  # of those that the study's results can test
    differences: tuple[Difference, ...]
    stand_ins: Mapping[str, str]  # data sets that replace one of the paper's: ours → the paper's
    without_results: tuple[str, ...]  # data sets that the paper has no results on
    note: str = ""  # the study's, on the verdicts

    @property
    def scale(self) -> str:
        """`at smaller scale`, `on other data`, or both, than the paper's; empty where the study has the paper's."""
        smaller = "at smaller scale" if any(difference.smaller for difference in self.differences) else ""
        return " and ".join(filter(None, (smaller, "on other data" if self.stand_ins else "")))


@dataclass(frozen=True)
class Figures:
    """The figures and pictures of a report."""

    results: tuple[ReportFigure, ...]
    curves: tuple[ReportFigure, ...] = ()  # learning curves
    pictures: tuple[Pictures, ...] = ()  # of variants, side by side


@dataclass(frozen=True)
class Report:
    """Everything that the report of a study states."""

    study: Study
    answer: tuple[str, ...]  # sentences
    results: Results
    design: DesignFindings
    figures: Figures
    execution: Execution
    links: Links  # to the runs of its variants and seeds
    paper: PaperSection | None = None
    answer_links: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # phrase → its number, address of runs
    paper_problem: str = ""  # why the study's reference to its paper cannot be used

    @property
    def metric(self) -> str:
        return self.study.compared_metric

    @property
    def quantity(self) -> Quantity:
        """The metric as it is shown."""
        return self.study.words.quantity(self.metric)

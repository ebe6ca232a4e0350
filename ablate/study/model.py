"""The data model of a study: what is varied, fixed and measured to answer one question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from ablate.options import is_number, is_whole_number
from ablate.study.document import YamlNode, find_node
from ablate.study.fields import AxisLevels, Level, StrictModel, rule_error
from ablate.study.labels import LabelEntry
from ablate.study.pruner import Pruner, StudyPruner
from ablate.study.scalars import format_value
from ablate.study.search import Search
from ablate.study.seeds import SeedRule, Seeds
from ablate.study.words import Words

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"  # names become file names: no '/', no '..'
MAX_NAME = 80  # characters


def check_pack_size(value: Any) -> Any:
    """The value; an error where it is neither `auto` nor a whole number from 1."""
    if value != "auto" and (not is_whole_number(value) or value < 1):
        problem = f"'pack' must be auto or a whole number from 1, not {format_value(value)}"
        raise rule_error(problem, "as in 'pack: auto'")
    return value


def check_gpus(value: Any) -> Any:
    """The value; an error where it is neither `auto` nor a number from 0."""
    if value != "auto" and (not is_number(value) or value < 0):
        raise rule_error(f"'gpu' must be auto or a number from 0, not {format_value(value)}", "as in 'gpu: auto'")
    return value


SafeName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME)]


class PaperReference(StrictModel):
    """The paper whose result the study reproduces, the figure or table that shows it, and a note on the verdict."""

    id: SafeName
    ablation: SafeName | None = None  # its id in ablations.yaml, without the paper's id before it
    figure: int | str | None = None
    table: int | str | None = None
    note: Annotated[str, Field(min_length=1, max_length=2000)] | None = None  # on the verdict, such as why it disagrees


class Resources(StrictModel):
    """What one worker needs; a pack is trained by one worker."""

    gpu: Annotated[Literal["auto"] | float, BeforeValidator(check_gpus)] = 0.0  # auto: one where there is one
    cpu: Annotated[float, Field(gt=0)] = 1.0
    pack: Annotated[Literal["auto"] | int, BeforeValidator(check_pack_size)] = "auto"

    @property
    def gpus(self) -> float:
        """GPUs of a pack; one where that is `auto` and the nodes are not known yet."""
        return 1.0 if self.gpu == "auto" else self.gpu


class Budget(StrictModel):
    """What a study may cost, over all of its launches; once it is spent, no further trial is started."""

    device_hours: Annotated[float, Field(gt=0)]  # of running trials; those of a pack share its device


def compared_axes(axes: Iterable[str]) -> list[str]:
    """The axes along which variants are compared: without that of the data sets, unless it is the only one."""
    every = list(axes)
    return [axis for axis in every if axis != "dataset"] or every


class Case(StrictModel):
    """One block of a study: a method on a data set, with its fixed settings and its axes."""

    name: SafeName | None = None
    method: str
    dataset: str
    defaults: SafeName | None = None  # the paper whose settings hold where `fixed` and `axes` name none
    design: Literal["grid", "one-at-a-time", "search"] = "grid"
    fixed: Mapping[str, Level] = {}
    axes: Mapping[str, AxisLevels] = {}
    baseline: Mapping[str, Level] = {}  # of every axis; its first level where the file names none

    @model_validator(mode="before")
    @classmethod
    def fill_baseline(cls, content: Any) -> Any:
        """Fill in the baseline of every axis; a method or data set that varies becomes that of the baseline."""
        if not isinstance(content, dict):
            return content
        axes = content.get("axes")
        given = content.get("baseline", {})
        if not isinstance(axes, dict) or not isinstance(given, dict):
            return content
        first = {path: levels[0] for path, levels in axes.items() if isinstance(levels, tuple) and levels}
        baseline = {**first, **given}
        varied = {path: baseline[path] for path in ("method", "dataset") if path in first}
        return {**varied, **content, "baseline": baseline}

    def is_baseline(self, levels: Mapping[str, Level]) -> bool:
        """Whether levels of the axes are those that others are compared with: on each data set, if other axes vary."""
        compared = compared_axes(levels)
        return bool(compared) and all(
            axis in self.baseline and levels[axis] == self.baseline[axis] for axis in compared
        )

    @property
    def baselines(self) -> int:
        """How many variants others are compared with."""
        return 1 if len(self.axes) == len(compared_axes(self.axes)) else len(self.axes["dataset"])


@dataclass(frozen=True)
class Origin:
    """The document that a study was read from, for the places in messages; two equal studies may differ in it."""

    root: YamlNode = field(default=YamlNode({}), compare=False, repr=False)


class Study(StrictModel):
    """A study after it was read: profile and overrides are applied, and every case has all its keys."""

    name: SafeName
    question: Annotated[str, Field(max_length=500)] = ""
    paper: PaperReference | None = None
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    seeds: Seeds
    probes: Annotated[tuple[str, ...], Field(min_length=1)]
    metric: str  # that the report compares: `linear/accuracy`
    margin: Annotated[float, Field(gt=0)] | None = None  # the least difference of the metric that matters
    labels: Mapping[str, LabelEntry] = {}  # path or metric → words, on which no trial depends
    resources: Resources = Resources()
    budget: Budget | None = None
    pruner: StudyPruner | None = None  # of a design without a search; a search has its own
    search: Search | None = None
    profile: SafeName | None = None
    _origin: Origin = PrivateAttr(default=Origin())

    def case_label(self, index: int) -> str:
        """What distinguishes a case from the others: its name, or its data set and method where these differ."""
        if len(self.cases) == 1:
            return ""
        case = self.cases[index]
        differ = [name for name in ("dataset", "method") if len({getattr(one, name) for one in self.cases}) > 1]
        return case.name or ", ".join(str(getattr(case, name)) for name in differ) or f"case {index + 1}"

    @property
    def words(self) -> Words:
        return Words(self.labels)

    @property
    def seed_rule(self) -> SeedRule | None:
        """The rule by which seeds are added; None where their number is fixed."""
        return self.seeds if isinstance(self.seeds, SeedRule) else None

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """The seeds of every variant; a rule may add more."""
        return tuple(range(self.seeds.at_least)) if isinstance(self.seeds, SeedRule) else self.seeds

    @property
    def most_seeds(self) -> int:
        """The number of seeds that a variant has at most."""
        return self.seeds.at_most if isinstance(self.seeds, SeedRule) else len(self.seeds)

    @property
    def compared_metric(self) -> str:
        """The metric that is compared: the study's, which of a search is one of its objectives, else the first."""
        if self.search is None or self.metric in self.search.objectives:
            return self.metric
        return next(iter(self.search.objectives))

    @property
    def least_difference(self) -> float | None:
        """The margin, which is written at the top level or in the rule of the seeds."""
        return self.margin if self.seed_rule is None or self.seed_rule.margin is None else self.seed_rule.margin

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method of its cases, in their order."""
        return self._names("method")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every data set of its cases, in their order."""
        return self._names("dataset")

    @property
    def early_stopping(self) -> Pruner | None:
        """The pruner of the design or of the search; None where every trial is trained to its end."""
        if self.search is None:
            return self.pruner
        return self.search.pruner if isinstance(self.search.pruner, Pruner) else None

    def _names(self, key: Literal["method", "dataset"]) -> tuple[str, ...]:
        names = (name for case in self.cases for name in case.axes.get(key, (getattr(case, key),)))
        return tuple(dict.fromkeys(map(str, names)))

    def place(self, *path: str | int) -> str:
        """Where the value at the path was written: `study.place("cases", 0, "axes", "method.k", 2)`."""
        return find_node(self._origin.root, path).place

    def key_place(self, *path: str | int) -> str:
        """Where the key at the path was written."""
        return find_node(self._origin.root, path).key_place

"""The data model of a study: what is varied, fixed and measured to answer one question."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PrivateAttr, Tag, model_validator
from pydantic_core import PydanticCustomError

from ablate.options import Value, is_number, is_whole_number
from ablate.study.document import YamlNode, find_node
from ablate.study.scalars import format_value

MAX_SEEDS = 10_000
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"  # names become file names: no '/', no '..'
MAX_NAME = 80  # characters
NOT_IMPLEMENTED = {"sampler": ("gp", "cmaes", "nsga2"), "pruner": ("asha", "median")}


def rule_error(problem: str, remedy: str) -> PydanticCustomError:
    """An error of a check below; `validation.convert_error` takes over its problem and remedy."""
    return PydanticCustomError("study", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def check_level(value: Any) -> Any:
    """The value; an error where it is a list or a mapping."""
    if isinstance(value, tuple | dict):
        raise rule_error(f"a setting takes one value, not {format_value(value)}", "write a number, true, false or text")
    return value


def expand_seeds(value: Any) -> Any:
    """A list as it is; a count as that many seeds from 0."""
    if isinstance(value, tuple):
        return value
    if not is_whole_number(value) or not 1 <= value <= MAX_SEEDS:
        problem = f"'seeds' must be a count from 1 to {MAX_SEEDS:,} or a list, not {format_value(value)}"
        whole = isinstance(value, float) and value.is_integer() and 1 <= value <= MAX_SEEDS
        raise rule_error(problem, f"write {value:.0f}" if whole else "as in 'seeds: 5'")
    return tuple(range(value))


def check_number(value: Any) -> Any:
    """The value; an error where it is no number."""
    if not is_number(value):
        raise rule_error(f"the ends and steps of a range must be numbers, not {format_value(value)}", "as in 'low: 1'")
    return value


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


def refuse_unimplemented(kind: str) -> BeforeValidator:
    """A validator that refuses samplers and pruners which are planned but not implemented yet."""

    def check(value: Any) -> Any:
        if value in NOT_IMPLEMENTED[kind]:
            raise rule_error(f"{kind} '{value}' is not implemented yet", f"leave '{kind}' out to use the default")
        return value

    return BeforeValidator(check)


def space_kind(value: Any) -> str:
    """The tag of the member of `Space` that a value is read as."""
    has_choices = isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value)
    return "choices" if has_choices else "range"


SafeName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME)]
Level = Annotated[Value, BeforeValidator(check_level)]
Number = Annotated[int | float, BeforeValidator(check_number)]
AxisLevels = Annotated[tuple[Level, ...], Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS), BeforeValidator(expand_seeds)]


class StrictModel(BaseModel):
    """A frozen model without type conversions: the text '5' is no number."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class PaperReference(StrictModel):
    """The paper whose result the study reproduces, and the figure or table that shows it."""

    id: SafeName
    ablation: SafeName | None = None  # its id in ablations.yaml, without the paper's id before it
    figure: int | str | None = None
    table: int | str | None = None


class Resources(StrictModel):
    """What one worker needs; a pack is trained by one worker."""

    gpu: Annotated[Literal["auto"] | float, BeforeValidator(check_gpus)] = 0.0  # auto: one where there is one
    cpu: Annotated[float, Field(gt=0)] = 1.0
    pack: Annotated[Literal["auto"] | int, BeforeValidator(check_pack_size)] = "auto"

    @property
    def gpus(self) -> float:
        """GPUs of a pack; one where that is `auto` and the nodes are not known yet."""
        return 1.0 if self.gpu == "auto" else self.gpu


class Range(StrictModel):
    """Numbers from `low` to `high`, both included, drawn uniformly, or uniformly in their logarithm."""

    low: Number
    high: Number
    log: bool = False
    step: Number | None = None


class Choices(StrictModel):
    """One of several values."""

    choices: AxisLevels


Space = Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(space_kind)]


class Search(StrictModel):
    """A search: Optuna proposes settings, and each proposal is run with all seeds."""

    sampler: Annotated[Literal["tpe", "random"], refuse_unimplemented("sampler")] = "tpe"
    trials: Annotated[int, Field(ge=1)]  # proposals
    objectives: Annotated[Mapping[str, Literal["maximize", "minimize"]], Field(min_length=1, max_length=1)]
    pruner: Annotated[Literal["none"], refuse_unimplemented("pruner")] = "none"
    space: Annotated[Mapping[str, Space], Field(min_length=1)]


class Case(StrictModel):
    """One block of a study: a method on a data set, with its fixed settings and its axes."""

    name: SafeName | None = None
    method: str
    dataset: str
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
    resources: Resources = Resources()
    search: Search | None = None
    profile: SafeName | None = None
    _origin: Origin = PrivateAttr(default=Origin())

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method of its cases, in their order."""
        return self._names("method")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every data set of its cases, in their order."""
        return self._names("dataset")

    def _names(self, key: Literal["method", "dataset"]) -> tuple[str, ...]:
        names = (name for case in self.cases for name in case.axes.get(key, (getattr(case, key),)))
        return tuple(dict.fromkeys(map(str, names)))

    def place(self, *path: str | int) -> str:
        """Where the value at the path was written: `study.place("cases", 0, "axes", "method.k", 2)`."""
        return find_node(self._origin.root, path).place

    def key_place(self, *path: str | int) -> str:
        """Where the key at the path was written."""
        return find_node(self._origin.root, path).key_place

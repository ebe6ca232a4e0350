"""A study: one question, and everything that must vary, stay and be measured to answer it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PrivateAttr, Tag, model_validator
from pydantic_core import PydanticCustomError

from ablate.options import Value
from ablate.study.document import Node, find
from ablate.study.scalars import shown

MOST_SEEDS = 10_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"  # names become file names: no '/', no '..'
SOON = {"sampler": ("gp", "cmaes", "nsga2"), "pruner": ("asha", "median")}


def complaint(problem: str, remedy: str) -> PydanticCustomError:
    """A finding of our own, which `complain` shows as it is."""
    return PydanticCustomError("study", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def one_level(value: Any) -> Any:
    if isinstance(value, tuple | dict):
        raise complaint(f"a setting takes one value, not {shown(value)}", "write a number, true, false or text")
    return value


def seed_list(value: Any) -> Any:
    """A count becomes the seeds from 0."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_SEEDS:
        problem = f"'seeds' must be a count from 1 to {MOST_SEEDS:,} or a list, not {shown(value)}"
        raise complaint(problem, "as in 'seeds: 5'")
    return tuple(range(value))


def a_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise complaint(f"the ends and steps of a range must be numbers, not {shown(value)}", "as in 'low: 1'")
    return value


def pack_size(value: Any) -> Any:
    if value != "auto" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise complaint(f"'pack' must be auto or a whole number from 1, not {shown(value)}", "as in 'pack: auto'")
    return value


def arrived(kind: str) -> BeforeValidator:
    """Refuses, by name, what a later version will know."""

    def check(value: Any) -> Any:
        if value in SOON[kind]:
            raise complaint(f"{kind} '{value}' is not there yet", f"leave '{kind}' out for the one that is")
        return value

    return BeforeValidator(check)


def space_kind(value: Any) -> str:
    chooses = isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value)
    return "choices" if chooses else "range"


Name = Annotated[str, Field(pattern=NAME, max_length=80)]
Level = Annotated[Value, BeforeValidator(one_level)]
Number = Annotated[int | float, BeforeValidator(a_number)]
Levels = Annotated[tuple[Level, ...], Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS), BeforeValidator(seed_list)]


class Model(BaseModel):
    """Frozen; a number is never read out of a text."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class PaperReference(Model):
    """Which paper asked first, and where it answers."""

    id: Name
    ablation: Name | None = None  # as ablations.yaml calls it, without the paper's own name
    figure: int | str | None = None
    table: int | str | None = None


class Resources(Model):
    """What one worker needs; a pack is trained by one worker."""

    gpu: Annotated[float, Field(ge=0)] = 0.0
    cpu: Annotated[float, Field(gt=0)] = 1.0
    pack: Annotated[Literal["auto"] | int, BeforeValidator(pack_size)] = "auto"


class Range(Model):
    """Numbers from `low` to `high`, both included, evenly or evenly in their logarithm."""

    low: Number
    high: Number
    log: bool = False
    step: Number | None = None


class Choices(Model):
    """One of several values."""

    choices: Levels


Space = Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(space_kind)]


class Search(Model):
    """Optuna proposes settings; each proposal is run over all seeds."""

    sampler: Annotated[Literal["tpe", "random"], arrived("sampler")] = "tpe"
    trials: Annotated[int, Field(ge=1)]  # proposals
    objectives: Annotated[Mapping[str, Literal["maximize", "minimize"]], Field(min_length=1, max_length=1)]
    pruner: Annotated[Literal["none"], arrived("pruner")] = "none"
    space: Annotated[Mapping[str, Space], Field(min_length=1)]


class Case(Model):
    """One block of a study: a method on a data set, what is fixed and what varies."""

    name: Name | None = None
    method: str
    dataset: str
    design: Literal["grid", "one-at-a-time", "search"] = "grid"
    fixed: Mapping[str, Level] = {}
    axes: Mapping[str, Levels] = {}
    baseline: Mapping[str, Level] = {}  # complete: each axis's first level where the file names none

    @model_validator(mode="before")
    @classmethod
    def complete(cls, content: Any) -> Any:
        """Name the baseline of every axis; a method or data set that varies is the baseline's."""
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
    """What was written, to name places; it is no part of what a study says."""

    root: Node = field(default=Node({}), compare=False, repr=False)


class Study(Model):
    """A study as read: profile and overrides applied, every case complete."""

    name: Name
    question: Annotated[str, Field(max_length=500)] = ""
    paper: PaperReference | None = None
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    seeds: Seeds
    probes: Annotated[tuple[str, ...], Field(min_length=1)]
    metric: str  # what the report compares: `linear/accuracy`
    resources: Resources = Resources()
    search: Search | None = None
    profile: Name | None = None
    _origin: Origin = PrivateAttr(default=Origin())

    @property
    def searches(self) -> bool:
        return self.search is not None

    def place(self, *path: str | int) -> str:
        """Where the value at the path was written: `study.place("cases", 0, "axes", "method.k", 2)`."""
        return find(self._origin.root, path).place

    def named(self, *path: str | int) -> str:
        """Where the key at the path was written."""
        return find(self._origin.root, path).named

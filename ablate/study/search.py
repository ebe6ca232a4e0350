"""The data model of a search: its space, what it optimizes, and how settings are proposed."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from ablate.options import Value, is_number
from ablate.study.constraint import Constraint, check_constraint, parse_constraint
from ablate.study.fields import AxisLevels, Level, StrictModel, comparable, rule_error
from ablate.study.pruner import Direction, SearchPruner
from ablate.study.scalars import format_value


def check_number(value: Any) -> Any:
    """The value; an error where it is no number."""
    if not is_number(value):
        raise rule_error(f"the ends and steps of a range must be numbers, not {format_value(value)}", "as in 'low: 1'")
    return value


def space_kind(value: Any) -> str:
    """The tag of the member of `Space` that a value is read as."""
    has_choices = isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value)
    return "choices" if has_choices else "range"


Number = Annotated[int | float, BeforeValidator(check_number)]


class Range(StrictModel):
    """Numbers from `low` to `high`, both included, drawn uniformly, or uniformly in their logarithm."""

    low: Number
    high: Number
    log: bool = False
    step: Number | None = None
    when: Mapping[str, Level] = {}  # proposed only where all these paths have these values


class Choices(StrictModel):
    """One of several values."""

    choices: AxisLevels
    when: Mapping[str, Level] = {}  # proposed only where all these paths have these values


Space = Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(space_kind)]


def contains(part: Range | Choices, value: Value) -> bool:
    """Whether a space holds the value."""
    if isinstance(part, Choices):
        return comparable(value) in map(comparable, part.choices)
    return is_number(value) and part.low <= value <= part.high and on_step(part, value)


def on_step(part: Range, value: Value) -> bool:
    """Whether a whole number of steps leads from the range's low end to the value; true of a range without steps."""
    if part.step is None or not is_number(value):
        return part.step is None
    steps = (value - part.low) / part.step
    return abs(steps - round(steps)) < 1e-6


class Search(StrictModel):
    """A search: Optuna proposes settings, and each proposal is run with all seeds."""

    sampler: Literal["auto", "tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random", "grid"] = "tpe"
    sampler_options: Mapping[str, Level] = {}  # of the sampler's constructor in Optuna
    trials: Annotated[int, Field(ge=1)]  # proposals
    parallel: Annotated[int, Field(ge=1)] | None = None  # proposals at a time; None: as many as there are free workers
    objectives: Annotated[Mapping[str, Direction], Field(min_length=1)]
    constraints: tuple[Annotated[str, BeforeValidator(check_constraint)], ...] = ()  # `size/million_parameters <= 2`
    enqueue: tuple[Mapping[str, Level], ...] = ()  # settings to propose first, after the defaults
    pruner: SearchPruner = "none"
    confirm: Annotated[int, Field(ge=1, le=1000)] | None = None  # fresh seeds for the winner and the runner-up
    space: Annotated[Mapping[str, Space], Field(min_length=1)]

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """The constraints, parsed."""
        return tuple(parse_constraint(text) for text in self.constraints)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it compares: the objectives, and those of the constraints."""
        return tuple(dict.fromkeys([*self.objectives, *(limit.metric for limit in self.limits)]))

    def violations(self, means: Mapping[str, float | None]) -> dict[str, float]:
        """Constraint → by how much the means over seeds break it, 0 or less where they hold it; inf without a mean."""
        values = {limit.metric: means.get(limit.metric) for limit in self.limits}
        return {
            text: math.inf if (mean := values[limit.metric]) is None else limit.violation(mean)
            for text, limit in zip(self.constraints, self.limits, strict=True)
        }

    def allows(self, means: Mapping[str, float | None]) -> bool:
        """Whether means over seeds hold all constraints."""
        return all(violation <= 0 for violation in self.violations(means).values())

    def active(self, levels: Mapping[str, Value], fixed: Mapping[str, Value]) -> tuple[str, ...]:
        """The paths of the space whose `when` holds for these levels and fixed settings; `when` looks upwards only."""
        known = {path: comparable(value) for path, value in fixed.items()}
        found = []
        for path, part in self.space.items():
            if all(known.get(other) == comparable(value) for other, value in part.when.items()):
                found.append(path)
                if path in levels:
                    known[path] = comparable(levels[path])
        return tuple(found)

    def conditions(self, path: str) -> dict[str, Value]:
        """What must hold for the path to be proposed: its own `when`, and those of the paths that this names."""
        found: dict[str, Value] = {}
        for other, value in self.space[path].when.items():
            found |= {other: value} | (self.conditions(other) if other in self.space else {})
        return found

    def restrict(self, values: Mapping[str, Value], fixed: Mapping[str, Value]) -> dict[str, Value]:
        """The values without those of paths whose `when` does not hold."""
        return {path: values[path] for path in self.active(values, fixed) if path in values}

"""The seeds of a study: a list, a count, or a rule that adds seeds while comparisons are undecided."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from ablate.options import is_whole_number
from ablate.study.fields import StrictModel, rule_error
from ablate.study.scalars import format_value

MAX_SEEDS = 10_000
LEVEL = 0.05  # at which all comparisons of a study are decided together
LEAST_DECISIVE, MOST_ADDED = 3, 100  # bounds of a rule: the rule's boundaries are computed for so many seeds


class SeedRule(StrictModel):
    """Seeds from 0, as many as it takes to decide each comparison with the baseline.

    All variants have `at_least` seeds.  More are added, up to `at_most`, to the baseline and to the variants whose
    difference from it is neither shown nor, where there is a margin, shown to be smaller than the margin.
    """

    at_least: Annotated[int, Field(ge=LEAST_DECISIVE, le=MOST_ADDED)]
    at_most: Annotated[int, Field(ge=LEAST_DECISIVE, le=MOST_ADDED)]
    until: Literal["decided"] = "decided"
    margin: Annotated[float, Field(gt=0)] | None = None  # the least difference of the metric that matters


def expand_seeds(value: Any) -> Any:
    """A list or a rule as it is; a count as that many seeds from 0."""
    if isinstance(value, tuple | Mapping | SeedRule):
        return value
    if not is_whole_number(value) or not 1 <= value <= MAX_SEEDS:
        problem = f"'seeds' must be a count from 1 to {MAX_SEEDS:,} or a list, not {format_value(value)}"
        whole = isinstance(value, float) and value.is_integer() and 1 <= value <= MAX_SEEDS
        raise rule_error(problem, f"write {value:.0f}" if whole else "as in 'seeds: 5'")
    return tuple(range(value))


def least_deciding(alpha: float) -> int:
    """The least seeds on which differences of one sign are so unlikely without a difference: 2 / 2ⁿ ≤ α."""
    return math.ceil(1 - math.log2(alpha) - 1e-9)


def seeds_kind(value: Any) -> str:
    """The tag of the member of `Seeds` that a value is read as."""
    return "rule" if isinstance(value, Mapping | SeedRule) else "list"


Seed = Annotated[int, Field(ge=0, lt=2**32)]
SeedList = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS)]
Seeds = Annotated[
    Annotated[SeedRule, Tag("rule")] | Annotated[SeedList, Tag("list")],
    Discriminator(seeds_kind),
    BeforeValidator(expand_seeds),
]

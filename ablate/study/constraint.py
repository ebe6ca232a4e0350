"""Constraints of a search: `size/million_parameters <= 2`."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from ablate.study.fields import rule_error
from ablate.study.scalars import format_value

PATTERN = re.compile(r"\s*(?P<metric>[^\s<>=]+)\s*(?P<relation><=|>=)\s*(?P<bound>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*")
REMEDY = "write a metric, <= or >=, and a number, as in 'size/million_parameters <= 2'"


@dataclass(frozen=True)
class Constraint:
    """What a metric, the mean over seeds, must hold for a setting to count as one that may be chosen."""

    metric: str
    relation: Literal["<=", ">="]
    bound: float

    def violation(self, value: float) -> float:
        """By how much a value breaks the constraint; 0 or less where it holds."""
        return value - self.bound if self.relation == "<=" else self.bound - value


def parse_constraint(text: str) -> Constraint:
    """The constraint of a text.  Raises ValueError for a text that is none."""
    found = PATTERN.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no constraint")
    return Constraint(found["metric"], "<=" if found["relation"] == "<=" else ">=", float(found["bound"]))


def check_constraint(value: Any) -> Any:
    """The value; an error where it is no constraint."""
    try:
        parse_constraint(value)
    except (TypeError, ValueError):
        raise rule_error(f"{format_value(value)} is no constraint", REMEDY) from None
    return value

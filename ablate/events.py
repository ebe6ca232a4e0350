"""What training says while it runs, and a pack while it trains and scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Event:
    """Member `member` of the pack finished epoch `epoch` (from 1) with these means over the epoch's steps."""

    member: int
    epoch: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Failure:
    """Member `member` cannot go on after optimizer step `step` (from 1); the others can."""

    member: int
    epoch: int
    step: int
    reason: str


@dataclass(frozen=True)
class Progress:
    """A sign of life between two steps."""

    keys: tuple[str, ...]  # of the trials that train in this moment
    epoch: int
    share: float  # of their training that is done
    values: Mapping[str, float]  # what the first of them said last
    doing: Literal["training", "scoring"] = "training"


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    key: str
    status: Literal["FINISHED", "FAILED", "STOPPED"]
    reason: str = ""
    metrics: Mapping[str, float] | None = None

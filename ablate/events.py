"""What training says while it runs, and a pack while it trains and scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class State(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"  # ended early because its curve was worse than those of others
    STOPPED = "stopped"  # checkpointed on request; the next launch goes on with it
    OUT_OF_MEMORY = "out of memory"
    KILLED = "killed"  # its process ended without a word; the next launch goes on with it

    @property
    def ended(self) -> bool:
        """Whether the trial is over, so that no launch goes on with it."""
        return self in (State.FINISHED, State.FAILED, State.PRUNED, State.OUT_OF_MEMORY)

    @property
    def failed(self) -> bool:
        return self in (State.FAILED, State.OUT_OF_MEMORY)


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

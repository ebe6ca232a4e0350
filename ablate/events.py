"""What training says while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass


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

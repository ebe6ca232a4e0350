"""Where a pack runs: its files, its tracker and its device; and how its trials' files are read."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ablate.errors import AblateError, DamagedFile
from ablate.launch_config import InterimProbe
from ablate.paths import StudyPaths, TrialPaths
from ablate.set_aside import set_aside
from ablate.stopping import StopRequest
from ablate.track.tracker import Tracker
from ablate.track.trial_log import log_line

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


def never_stop(key: str) -> StopRequest | None:
    return None


@dataclass(frozen=True)
class RunContext:
    """Where a pack runs and writes, and where its stop requests are looked up."""

    paths: StudyPaths
    tensors: Path  # folder of memory-mapped data sets
    tracker: Tracker
    device: torch.device
    checkpoint_every: float = 60.0  # seconds
    stop_request: Callable[[str], StopRequest | None] = never_stop  # for a trial's key, looked up between steps
    pretraining: frozenset[str] = frozenset()  # keys of trials whose encoders others start from
    interim: InterimProbe | None = None  # scores trials between epochs


def read_or_set_aside(read: Callable[[], T], paths: TrialPaths) -> T | None:
    """What `read` returns; None where its file is damaged or another trial's: it is set aside, which is logged."""
    try:
        return read()
    except DamagedFile as error:
        log_line(paths, f"{error.problem}; {set_aside(Path(error.place))}, and its work is done again")
        return None


def reason_of(error: Exception) -> str:
    """The error in one line."""
    return str(error) if isinstance(error, AblateError) else f"{type(error).__name__}: {error}".splitlines()[0]


def write_traceback(paths: TrialPaths, title: str = "") -> None:
    """Append the traceback of the exception that is being handled to the trial's file."""
    with paths.traceback.open("a", encoding="utf-8") as file:
        file.write(f"{title}\n" if title else "")
        file.write(traceback.format_exc())

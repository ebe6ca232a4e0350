"""How much of a trial's spool MLflow has acknowledged, kept beside the spool as `sent.json`."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ablate.atomic_write import write_text
from ablate.codec import to_plain
from ablate.errors import DamagedFile
from ablate.events import State
from ablate.paths import StudyPaths, TrialPaths
from ablate.track.spool import begins_line, last_state, read
from ablate.trial import digest

COMPLETE = (State.FINISHED, State.PRUNED)  # trials in these states need their folder no longer


@dataclass(frozen=True)
class Sent:
    """What MLflow has acknowledged of a trial's spool."""

    run_id: str = ""
    offset: int = 0  # bytes
    state: State | None = None  # of the run
    resumed: bool = False  # the run may hold points that are not in the acknowledged part of this spool
    rejected: tuple[str, ...] = ()  # files that MLflow does not accept
    key: str = ""  # of the trial; empty: version 0.1 wrote it, and whether the run is this trial's must be asked

    @classmethod
    def load(cls, file: Path) -> "Sent | None":
        """Read the file, version 0.1's too (`status` for `state`); None if there is none.

        Raises DamagedFile where its content does not have its digest, or where it is of another trial than its folder.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            written = content.pop("sha256", None)
            found = cls._of_json(content)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedFile("the file is damaged", "", str(file)) from error
        if written is not None and written != digest(content):
            raise DamagedFile("the file is damaged (its content does not have its digest)", "", str(file))
        if found.key not in ("", file.parent.name):
            raise DamagedFile(f"the file is of trial {found.key}, not of {file.parent.name}", "", str(file))
        return found

    @classmethod
    def _of_json(cls, content: Mapping[str, Any]) -> "Sent":
        state = content["state"] if "state" in content else content["status"].lower()
        return cls(
            content["run_id"],
            content["offset"],
            State(state) if state else None,
            content["resumed"],
            tuple(content["rejected"]),
            content.get("key", ""),
        )

    def save(self, file: Path) -> None:
        """Replace the file in one step; it names the trial of its folder, and holds its digest."""
        content = {"version": 1, **to_plain(replace(self, key=file.parent.name))}
        write_text(file, json.dumps({**content, "sha256": digest(content)}))


def acknowledged(paths: TrialPaths) -> Sent:
    """What MLflow has acknowledged of a trial's spool.

    Nothing where no file says so that is this trial's; everything is to be compared with the run where the spool was
    cut since, as a power failure does.
    """
    try:
        sent = Sent.load(paths.sent) or Sent()
    except DamagedFile:
        return Sent()
    return sent if begins_line(paths.spool, sent.offset) else replace(sent, offset=0, resumed=True)


def has_unsent(paths: TrialPaths) -> bool:
    """Whether the spool holds a record that MLflow has not acknowledged."""
    records, _ = read(paths.spool, acknowledged(paths).offset, most=1)
    return bool(records)


def open_trials(paths: StudyPaths) -> tuple[str, ...]:
    """Keys of a study's trials that are to be continued or uploaded, of those that have a folder.

    A trial that failed keeps its folder, for a retry, and is not among them once MLflow has its records.
    """
    found = (paths.trial(spool.parent.name) for spool in sorted(paths.trials.glob("*/spool.jsonl")))
    return tuple(trial.folder.name for trial in found if is_open(trial))


def is_open(paths: TrialPaths) -> bool:
    """Whether a trial has not ended, or MLflow lacks a record of it."""
    state = last_state(paths.spool)
    return state is None or not state.ended or has_unsent(paths)


def remove_if_complete(paths: TrialPaths) -> bool:
    """Remove the folder of a trial that has ended and is in MLflow as a whole; the caller holds the trial's lock."""
    sent = acknowledged(paths)
    complete = sent.state in COMPLETE and last_state(paths.spool) in COMPLETE  # and is not being scored again
    if not complete or sent.rejected or has_unsent(paths):
        return False
    # Renamed first, in one step: no other process may find a folder that is removed in part.
    removed = paths.folder.parent.parent / f"retired-{paths.folder.name}-{os.getpid()}"
    paths.folder.rename(removed)
    shutil.rmtree(removed, ignore_errors=True)
    return True

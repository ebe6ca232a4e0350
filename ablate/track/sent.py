"""How much of a trial's spool MLflow has acknowledged, kept beside the spool as `sent.json`."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ablate.atomic_write import write_text
from ablate.codec import to_plain
from ablate.events import State
from ablate.paths import TrialPaths
from ablate.track.spool import last_state, read

COMPLETE = (State.FINISHED, State.PRUNED)  # trials in these states need their folder no longer


@dataclass(frozen=True)
class Sent:
    """What MLflow has acknowledged of a trial's spool."""

    run_id: str = ""
    offset: int = 0  # bytes
    state: State | None = None  # of the run
    resumed: bool = False  # the run may hold points that are not in the acknowledged part of this spool
    rejected: tuple[str, ...] = ()  # files that MLflow does not accept

    @classmethod
    def load(cls, file: Path) -> "Sent | None":
        """Read the file, version 0.1's too (`status` for `state`); None if there is none, the default if damaged."""
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            state = content["state"] if "state" in content else content["status"].lower()
            return cls(
                content["run_id"],
                content["offset"],
                State(state) if state else None,
                content["resumed"],
                tuple(content["rejected"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            return cls()

    def save(self, file: Path) -> None:
        """Replace the file in one step."""
        write_text(file, json.dumps({"version": 1, **to_plain(self)}))


def has_unsent(paths: TrialPaths) -> bool:
    """Whether the spool holds a record that MLflow has not acknowledged."""
    sent = Sent.load(paths.sent) or Sent()
    records, _ = read(paths.spool, sent.offset, most=1)
    return bool(records)


def remove_if_complete(paths: TrialPaths) -> bool:
    """Remove the folder of a trial that has ended and is in MLflow as a whole; the caller holds the trial's lock."""
    sent = Sent.load(paths.sent) or Sent()
    complete = sent.state in COMPLETE and last_state(paths.spool) in COMPLETE  # and is not being scored again
    if not complete or sent.rejected or has_unsent(paths):
        return False
    # Renamed first, in one step: no other process may find a folder that is removed in part.
    removed = paths.folder.parent.parent / f"retired-{paths.folder.name}-{os.getpid()}"
    paths.folder.rename(removed)
    shutil.rmtree(removed, ignore_errors=True)
    return True

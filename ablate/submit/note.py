"""The note of a study's batch job in its folder of the store, by which later commands find the job."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.atomic_write import write_text
from ablate.errors import StudyError

if TYPE_CHECKING:
    from ablate.submit.target import Target


@dataclass(frozen=True)
class JobNote:
    """The last job of a study that was submitted from this store."""

    target: str
    job_id: str
    submitted: str  # time, ISO 8601
    options: dict[str, Any] = field(default_factory=dict)  # that the target was made with; they hold no secret

    def save(self, folder: Path) -> None:
        write_text(note_file(folder), json.dumps(asdict(self), indent=2))

    def find_target(self) -> "Target":
        """The target that has the job.  Raises StudyError where its package is not installed any more."""
        from ablate.submit.target import targets

        kind = targets()[self.target]
        return kind(kind.Options.model_validate_json(json.dumps(self.options)))


def note_file(folder: Path) -> Path:
    return folder / "job.json"


def read_note(folder: Path) -> JobNote | None:
    """The note in a study's folder; None where the study was not submitted."""
    file = note_file(folder)
    try:
        return JobNote(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise StudyError("this note of a batch job is damaged", "delete it", str(file)) from None

"""What a target of batch jobs does, and the table of targets."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict

from ablate.errors import StudyError
from ablate.planning.resources import Node
from ablate.registry import Registry
from ablate.row_checks import RowError

MAX_REQUEUES = 20  # how often a job goes on by itself, in the queue or in a new cluster


class JobState(Enum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    UNKNOWN = "no longer known"

    @property
    def active(self) -> bool:
        return self in (JobState.WAITING, JobState.RUNNING)

    @property
    def ended(self) -> bool:
        return self in (JobState.FINISHED, JobState.FAILED, JobState.STOPPED)


class TargetOptions(BaseModel):
    """Options of a target, from the options file; strict, as a study is."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    def kinds_of_nodes(self) -> tuple[Node, ...]:
        """The nodes that a job gets, one of each kind; none where that is not known here."""
        return ()

    def packed(self) -> Self:
        """The options with which a job runs on one node.  Raises StudyError where this target has no such jobs."""
        raise StudyError("this target has no jobs of one node", "leave out --pack", "--pack")

    def lacks_server(self) -> bool:
        """Whether a job would run on several nodes and no MLflow server is named for it."""
        return False


@dataclass(frozen=True)
class Job:
    """A study to run as a batch job."""

    name: str  # of the study
    study: str  # the resolved study, as YAML
    folder: Path  # of the study in the store of the submitting machine
    store: Path


class Target(Protocol):
    """One kind of cluster.  A class is registered in `TARGETS`; it is made with its options."""

    Options: ClassVar[type[TargetOptions]]

    def __init__(self, options: Any) -> None: ...

    @property
    def options(self) -> TargetOptions: ...

    def render(self, job: Job) -> str:
        """What would be sent: a script or a manifest."""

    def submit(self, job: Job) -> str:
        """Send it; the job's id.  Raises ServiceError where the cluster does not take it."""

    def state(self, job_id: str) -> JobState: ...

    def exit_code(self, job_id: str) -> int | None:
        """That of a job which has ended; None where the cluster does not tell it."""

    def logs(self, job_id: str, folder: Path, follow: bool) -> Iterator[str]:
        """What the job printed, in pieces; with `follow` until it ends.  `folder` is the study's in the store."""

    def stop(self, job_id: str, folder: Path) -> None:
        """Make the job write checkpoints and end; it is not started again."""


def check_target(row: object) -> None:
    """Raise RowError where an object is no target."""
    names = ("Options", "render", "submit", "state", "exit_code", "logs", "stop")
    missing = [name for name in names if not hasattr(row, name)]
    if missing:
        raise RowError(f"it has no {', '.join(missing)}", "implement ablate.submit.target.Target")


def builtin() -> dict[str, type[Target]]:
    from ablate.submit.kubernetes import KubernetesTarget
    from ablate.submit.ray_jobs import RayTarget
    from ablate.submit.slurm import SlurmTarget

    return {"ray": RayTarget, "kubernetes": KubernetesTarget, "slurm": SlurmTarget}


def targets() -> Registry[type[Target]]:
    """The targets of ablate, and those that installed packages add (entry points `ablate.targets`)."""
    return Registry("target", "ablate.targets", builtin(), check_target)

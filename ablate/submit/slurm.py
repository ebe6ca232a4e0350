"""Slurm: an sbatch script that runs the launch as a step of the job, and a Ray cluster of the job's nodes."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field

from ablate.atomic_write import write_text
from ablate.errors import Interrupted, ServiceError, StudyError
from ablate.paths import absolute
from ablate.planning.resources import Node
from ablate.submit.commands import run_tool
from ablate.submit.scripts import render_script
from ablate.submit.secret_variables import secrets_of, write_secrets
from ablate.submit.target import MAX_REQUEUES, Job, JobState, TargetOptions

REMEDY = "run this where Slurm's commands work, and check the options of 'slurm'"
INTERVAL = 1.0  # seconds between two looks at a log
SHARE = re.compile(r"--(cpus|gpus|gres|exclusive|ntasks)|-[cnG]")  # options of sbatch that change what a node gives
SETS_SERVER = re.compile(r"MLFLOW_TRACKING_URI=|^\s*(\.|source)\s", re.MULTILINE)
STATES = {
    "PENDING": JobState.WAITING,
    "REQUEUED": JobState.WAITING,
    "REQUEUE_FED": JobState.WAITING,
    "REQUEUE_HOLD": JobState.WAITING,
    "RESV_DEL_HOLD": JobState.WAITING,
    "SPECIAL_EXIT": JobState.WAITING,
    "CONFIGURING": JobState.WAITING,
    "SUSPENDED": JobState.WAITING,
    "RUNNING": JobState.RUNNING,
    "COMPLETING": JobState.RUNNING,
    "RESIZING": JobState.RUNNING,
    "SIGNALING": JobState.RUNNING,
    "STAGE_OUT": JobState.RUNNING,
    "STOPPED": JobState.RUNNING,
    "COMPLETED": JobState.FINISHED,
    "CANCELLED": JobState.STOPPED,
    "PREEMPTED": JobState.STOPPED,  # for good; one that goes on in the queue is PENDING
}


class SlurmOptions(TargetOptions):
    """What a job asks Slurm for, and how its environment is made."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    nodes: Annotated[int, Field(ge=1)] = 1  # with one, the launch starts Ray as on a laptop, without a network
    cpus: Annotated[int, Field(ge=1)] = 2  # per node
    gpus: Annotated[int, Field(ge=0)] = 0  # per node
    memory: str | None = None  # per node, as in 32G
    time: str = "24:00:00"  # limit; the job checkpoints before it and goes on afterwards
    warning: Annotated[int, Field(ge=1)] = 120  # seconds before the limit at which it checkpoints
    max_requeues: Annotated[int, Field(ge=0)] = MAX_REQUEUES
    environment: str | None = None  # the folder of a virtual environment that has ablate
    setup: tuple[str, ...] = ()  # lines of the script before it, as in 'module load cuda'
    secrets: str | None = None  # a file of mode 0600 with lines NAME=value, as MLFLOW_TRACKING_PASSWORD
    variables: Mapping[str, str] = {}  # of the environment; not secret
    extra: tuple[str, ...] = ()  # further options of sbatch, as in '--constraint=a100'

    def kinds_of_nodes(self) -> tuple[Node, ...]:
        changed = any(SHARE.match(option) for option in self.extra)
        return () if changed else (Node("a node of the options", self.cpus, self.gpus),)

    def packed(self) -> Self:
        return self.model_copy(update={"nodes": 1})

    def lacks_server(self) -> bool:
        """A job gets the environment of `ablate submit` as well."""
        named = "MLFLOW_TRACKING_URI" in {*self.variables, *os.environ}
        return self.nodes > 1 and not (named or self.sets_server())

    def sets_server(self) -> bool:
        """Whether the lines of `setup` or the file of secrets name a server, as a script that they source may."""
        text = "\n".join(self.setup)
        file = absolute(self.secrets, self.secrets) if self.secrets else None
        if file is not None and file.is_file():
            text += "\n" + file.read_text(encoding="utf-8")
        return SETS_SERVER.search(text) is not None


class SlurmTarget:
    """Submits with `sbatch`; the store is a folder that all nodes see."""

    Options: ClassVar[type[TargetOptions]] = SlurmOptions

    def __init__(self, options: SlurmOptions) -> None:
        self.options = options

    def render(self, job: Job) -> str:
        output = Path(str(job.folder).replace("%", "%%"), "slurm-%j.log")  # sbatch fills in %j
        files = {"study": study_file(job), "stop": stop_file(job.folder), "output": output}
        files["passed"] = secrets_file(job.folder)
        return render_script("slurm.sbatch.jinja", job=job, name=job_name(job.name), options=self.options, **files)

    def submit(self, job: Job) -> str:
        """The job's id.  Slurm itself gets no secret of this environment: its controller stores what it passes on.

        Raises StudyError where the file of secrets is not private, or another store's job waits or runs.
        """
        check_secrets(self.options.secrets)
        refuse_job_of_other_store(job.name)
        write_text(study_file(job), job.study)
        stop_file(job.folder).unlink(missing_ok=True)
        script = job.folder / "job.sbatch"
        write_text(script, self.render(job))
        passed = secrets_of(os.environ)
        write_secrets(secrets_file(job.folder), passed)
        rest = {name: value for name, value in os.environ.items() if name not in passed}
        return run_tool(["sbatch", "--parsable", str(script)], REMEDY, environment=rest).strip().partition(";")[0]

    def state(self, job_id: str) -> JobState:
        """The job's state by `scontrol`; by `sacct` where the controller has removed the job from its list."""
        found = job_fields(job_id)
        if "ExitCode" in found and found["ExitCode"].partition(":")[0] == str(Interrupted.exit_code):
            return STATES.get(found["JobState"], JobState.STOPPED)
        word = found["JobState"] if found else state_in_accounts(job_id)
        return STATES.get(word, JobState.FAILED if word else JobState.UNKNOWN)

    def exit_code(self, job_id: str) -> int | None:
        """None where a signal has ended the job, or the controller has removed it from its list."""
        code, _, signal = job_fields(job_id).get("ExitCode", "").partition(":")
        return int(code) if code and signal == "0" else None

    def logs(self, job_id: str, folder: Path, follow: bool) -> Iterator[str]:
        file = folder / f"slurm-{job_id}.log"
        at = 0
        while True:
            over = not follow or not self.state(job_id).active
            if file.exists():
                with file.open("rb") as stream:
                    stream.seek(at)
                    text = stream.read()
                at += len(text)
                yield text.decode("utf-8", errors="replace")
            if over:
                return
            time.sleep(INTERVAL)  # the file is another process's, which does not notify

    def stop(self, job_id: str, folder: Path) -> None:
        """Cancel a waiting job; a running one gets SIGTERM without a deadline, checkpoints, and is not requeued.

        The signal is for the job's shell alone, as that of the time limit: a step would end at it, and with it Ray.
        """
        stop_file(folder).touch()
        if self.state(job_id) is JobState.WAITING:
            run_tool(["scancel", job_id], REMEDY)
            secrets_file(folder).unlink(missing_ok=True)
        else:
            run_tool(["scancel", "--batch", "--signal=TERM", job_id], REMEDY)


def job_name(study: str) -> str:
    return f"ablate-{study}"


def refuse_job_of_other_store(study: str) -> None:
    """Raise StudyError while a job of the study waits or runs in the user's queue."""
    waiting = run_tool(["squeue", "--me", "--noheader", "--format=%i", f"--name={job_name(study)}"], REMEDY).split()
    if waiting:
        problem = f"job {waiting[0]} of slurm waits or runs '{study}', submitted from another store"
        raise StudyError(problem, f"stop it from there, or cancel it: scancel {waiting[0]}")


def study_file(job: Job) -> Path:
    """The resolved study, which the job launches."""
    return job.folder / "submitted.yaml"


def stop_file(folder: Path) -> Path:
    """While it exists, the job does not go on in the queue."""
    return folder / "job.stop"


def secrets_file(folder: Path) -> Path:
    """What the environment of `ablate submit` has of secrets, until the job has ended for good."""
    return folder / "job.env"


def check_secrets(file: str | None) -> None:
    """Raise StudyError where the file of secrets is missing, or others may read it."""
    if file is None:
        return
    path = absolute(file, file)
    if not path.is_file():
        raise StudyError("this file of secrets does not exist", "correct 'secrets' in the options", file)
    if path.stat().st_mode & 0o077:
        raise StudyError("others may read this file of secrets", f"run: chmod 600 {file}", file)


def job_fields(job_id: str) -> dict[str, str]:
    """The fields that `scontrol show job` prints; none where the controller has removed the job from its list."""
    try:
        line = run_tool(["scontrol", "-o", "show", "job", job_id], REMEDY)
    except ServiceError as error:
        if "Invalid job id" in error.problem:
            return {}
        raise
    return dict(field.split("=", 1) for field in line.split() if "=" in field)


def state_in_accounts(job_id: str) -> str:
    """The state that `sacct` prints; empty where the cluster keeps no accounts."""
    try:
        lines = run_tool(["sacct", "-n", "-X", "-P", "-o", "State", "-j", job_id], REMEDY).split()
    except ServiceError:  # accounting is not set up on every cluster
        return ""
    return lines[0] if lines else ""

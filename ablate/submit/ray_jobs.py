"""Ray Jobs: the launch runs as a job of a running Ray cluster, on its head node."""

import logging
import os
import re
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ablate.errors import Interrupted, ServiceError, StudyError
from ablate.paths import absolute
from ablate.submit.target import Job, JobState, TargetOptions

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

INTERVAL = 1.0  # seconds between two requests
ATTEMPTS = 60  # to submit a job
STOP_WAIT = {"RAY_JOB_STOP_WAIT_TIME_S": "120"}  # else Ray kills a job 3 s after its SIGTERM
READ_SECRETS = (  # by a shell on the head node
    '[ -z "$(find -L "$file" -perm /077)" ] || '
    '{ echo "$file: others may read this file of secrets; run: chmod 600 $file" >&2; exit 2; }; '
    'set -a; . "$file"; set +a'
)
STATES = {
    "PENDING": JobState.WAITING,
    "RUNNING": JobState.RUNNING,
    "SUCCEEDED": JobState.FINISHED,
    "FAILED": JobState.FAILED,
    "STOPPED": JobState.STOPPED,
}


class RayOptions(TargetOptions):
    """Where the cluster's Jobs server is, and what the job finds there."""

    address: str = "http://127.0.0.1:8265"
    token_file: str | None = None  # here; the cluster's token, where it asks for one
    store: str  # a folder that all nodes of the cluster see
    secrets: str | None = None  # a file on the head node, of mode 0600, with lines NAME=value
    variables: Mapping[str, str] = {}  # of the environment; Ray shows them in the list of its jobs


class RayTarget:
    """Submits with Ray's JobSubmissionClient; the working directory holds the study file alone."""

    Options: ClassVar[type[TargetOptions]] = RayOptions

    def __init__(self, options: RayOptions) -> None:
        self.options = options

    def command(self, job: Job) -> str:
        """What the head node runs, in a folder that holds the study file."""
        launch = f"exec ablate launch {job.name}.yaml --storage {shlex.quote(self.options.store)}"
        if self.options.secrets is None:
            return launch
        return f"file={shlex.quote(self.options.secrets)}; {READ_SECRETS}; {launch}"

    def render(self, job: Job) -> str:
        import yaml

        content = {
            "address": self.options.address,
            "entrypoint": self.command(job),
            "runtime_env": {"env_vars": {**STOP_WAIT, **self.options.variables}},
        }
        return f"{yaml.safe_dump(content, sort_keys=False)}---\n{job.study}"

    def submit(self, job: Job) -> str:
        """Raises StudyError while a job of the study waits or runs that another store has submitted."""
        self.refuse_job_of_other_store(job.name)
        job_id = f"ablate-{job.name}-{time.time_ns() // 1_000_000}"  # an id is never used twice
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, f"{job.name}.yaml").write_text(job.study, encoding="utf-8")
            environment = {"working_dir": folder, "env_vars": {**STOP_WAIT, **self.options.variables}}
            self.send(entrypoint=self.command(job), submission_id=job_id, runtime_env=environment)
        return job_id

    def refuse_job_of_other_store(self, study: str) -> None:
        job_id = re.compile(rf"ablate-{re.escape(study)}-\d+")
        for job in self.ask("list_jobs"):
            state = STATES.get(str(job.status.value), JobState.UNKNOWN)
            if state.active and job_id.fullmatch(job.submission_id or ""):
                problem = f"'{study}' is {state.value} as job {job.submission_id} of ray, submitted from another store"
                remedy = f"stop it from there, or by: ray job stop {job.submission_id} --address {self.options.address}"
                raise StudyError(problem, remedy)

    def state(self, job_id: str) -> JobState:
        try:
            info = self.ask("get_job_info", job_id)
            if info.driver_exit_code == Interrupted.exit_code:
                return JobState.STOPPED
            return STATES.get(str(info.status.value), JobState.UNKNOWN)
        except ServiceError as error:
            if "does not exist" in error.problem or "404" in error.problem:
                return JobState.UNKNOWN
            raise

    def exit_code(self, job_id: str) -> int | None:
        code = self.ask("get_job_info", job_id).driver_exit_code
        return None if code is None else int(code)

    def logs(self, job_id: str, folder: Path, follow: bool) -> Iterator[str]:
        seen = ""
        while True:
            over = not follow or not self.state(job_id).active
            text = str(self.ask("get_job_logs", job_id))
            yield text[len(seen) :] if text.startswith(seen) else text
            seen = text
            if over:
                return
            time.sleep(INTERVAL)  # the Jobs server sends no notice of a change

    def stop(self, job_id: str, folder: Path) -> None:
        """Ask the launch to checkpoint, by a job that runs `ablate stop`; where none runs yet, end the job.

        Ray's own stop signals all processes of a job at once, those that write checkpoints among them.
        """
        command = f"ablate stop {folder.name} --launch --storage {shlex.quote(self.options.store)}"
        environment = {"env_vars": dict(self.options.variables)}
        asked = str(self.send(entrypoint=command, runtime_env=environment))
        while self.state(asked).active:
            time.sleep(INTERVAL)  # the Jobs server sends no notice of a change
        if self.state(asked) is not JobState.FINISHED:
            self.ask("stop_job", job_id)

    def client(self) -> "JobSubmissionClient":
        if self.options.token_file is not None:
            os.environ["RAY_AUTH_MODE"] = "token"
            os.environ["RAY_AUTH_TOKEN_PATH"] = str(absolute(self.options.token_file))
        from ray.job_submission import JobSubmissionClient

        logging.getLogger("ray.dashboard.modules.dashboard_sdk").setLevel(logging.WARNING)  # else a line for each try
        return JobSubmissionClient(self.options.address)

    def send(self, **job: Any) -> Any:
        """Submit a job; its id.  A cluster that has just started takes none until its agents have registered."""
        for _ in range(ATTEMPTS):
            try:
                return self.ask("submit_job", **job)
            except ServiceError as error:
                if "No available agent" not in error.problem:
                    raise
                time.sleep(INTERVAL)  # an agent registers within seconds
        remedy = "see whether each node's agent runs: two clusters on one machine need ports of their own for it"
        raise ServiceError("no agent of the cluster takes a job", remedy, self.options.address)

    def ask(self, request: str, *arguments: Any, **named: Any) -> Any:
        """Send a request to the Jobs server.  Raises ServiceError where it does not answer or refuses."""
        try:
            return getattr(self.client(), request)(*arguments, **named)
        except Exception as error:
            from ray.exceptions import RayError  # after the client: Ray reads the token's variables when it is imported

            if not isinstance(error, RuntimeError | OSError | RayError):  # what the client and `requests` raise
                raise
            lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            remedy = "see whether the Ray cluster runs, and check 'address' and 'token_file' of the options"
            raise ServiceError(lines[-1].strip(), remedy, self.options.address) from None

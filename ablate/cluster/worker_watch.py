"""Why no worker starts: found from Ray's placement groups and logs, where none has started for a minute."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import ray

from ablate.cluster.dispatch import Dispatcher
from ablate.events import Message, NoWorkers

PATIENCE = 60.0  # seconds without a worker after which the reason is looked up, and between two of these messages
TAIL = 20_000  # bytes at the end of a log file that are searched


class WorkerWatch:
    """Sends a message with the reason for every minute in which packs wait and no worker has started."""

    def __init__(self, dispatcher: Dispatcher, send: Callable[[Message], None], reason: Callable[[], str]) -> None:
        self.dispatcher, self.send, self.reason = dispatcher, send, reason
        self.since: float | None = None  # since when packs wait and no worker has started
        self.told = 0  # messages since then

    def look(self) -> None:
        """Called some times a second."""
        if not self.dispatcher.waits_for_workers:
            self.since, self.told = None, 0
            return
        now = time.monotonic()
        self.since = now if self.since is None else self.since
        if now - self.since >= PATIENCE * (self.told + 1):
            self.told += 1
            self.send(NoWorkers(now - self.since, self.reason()))


def why_no_worker(cpu: float, gpu: float) -> str:
    """The reason why no worker starts, as Ray's state and logs tell it."""
    with suppress(Exception):  # Ray may be dying, which is noticed elsewhere
        if any(group["state"] == "PENDING" for group in ray.util.placement_group_table().values()):
            free, total = ray.available_resources(), ray.cluster_resources()
            shares = [f"{free.get(kind, 0):g} of {total.get(kind, 0):g} {kind}s" for kind in ("CPU", "GPU")]
            asked = f"a worker asks for {cpu:g} and {gpu:g} on one node"
            return f"the cluster is full: {' and '.join(shares)} are free, and {asked}"
    logs = logs_folder()
    found = next(errors_in(logs), "") if logs else ""
    return found or "Ray's logs name no error: the processor or the disk may be busy with other programs"


def logs_folder() -> Path | None:
    """Ray's logs, where its session is on this machine."""
    node = ray._private.worker._global_node
    folder = Path(node.get_logs_dir_path()) if node is not None else None
    return folder if folder is not None and folder.is_dir() else None


def errors_in(logs: Path) -> Iterator[str]:
    """The last error of each log that has one, with the log's path: those of workers first, the newest first."""
    for pattern in ("worker-*.err", "raylet.err", "runtime_env_setup-*.log", "python-core-worker-*.log", "raylet.out"):
        for file in sorted(logs.glob(pattern), key=lambda file: file.stat().st_mtime, reverse=True):
            if error := last_error(file):
                yield f"{error} ({file})"


def last_error(file: Path) -> str:
    """The last line of a log that reports an error: one of Ray's level E, or the end of a traceback."""
    with suppress(OSError), file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - TAIL))
        lines = log.read().decode(errors="replace").splitlines()
        marked = [line.strip() for line in lines if is_error(line)]
        return marked[-1] if marked else ""
    return ""


def is_error(line: str) -> bool:
    """Whether a line of Ray's logs reports an error."""
    head, _, text = line.partition(": ")
    raised = bool(text) and head.replace(".", "").isidentifier() and head.endswith(("Error", "Exception", "Exit"))
    return raised or " E " in line[:80] or "ERROR" in line[:80] or line.startswith(("Fatal", "Killed"))

"""The MLflow server: the one that MLFLOW_TRACKING_URI names, or an embedded one that belongs to the store."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from ablate.errors import ServiceError
from ablate.interrupts import deferred
from ablate.lock import locked
from ablate.paths import Store
from ablate.process import Process, absolute_python_path, alive, current_process, identify
from ablate.track.client import connect, http_status, reach_directly, redact
from ablate.track.server_info import ServerInfo

START = 300.0  # seconds that a server may take until it answers: other processes may use most of the processor
POLL = 0.1  # seconds between two looks at a port or a process: neither notifies of a change
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
ANSWER = 10.0  # seconds that a server that has answered before may take to answer
FOLDER = "artifacts"  # of the embedded server, beside its database
MARK = "ABLATE_SERVER"  # environment variable that identifies the server's processes, its children included

CHILDREN: list[subprocess.Popen[bytes]] = []  # kept, since Popen warns when it is deleted while its process runs


@dataclass(frozen=True)
class Server:
    """A server that answers; one that is not embedded has neither process nor file."""

    uri: str
    process: Process | None
    started_here: bool
    file: Path | None = None

    @property
    def alive(self) -> bool:
        """Whether its process is alive; a server that is not embedded counts as alive."""
        return self.process is None or alive(self.process)

    def stop(self) -> None:
        """Stop using an embedded server; the last of its living users ends it, with its children."""
        if self.file is None:
            return
        with locked(self.file.with_suffix(".lock"), START, "another process starts or stops MLflow"):
            info = ServerInfo.load(self.file)
            if info is None or info.process != self.process:
                return
            leave(info, self.file)


def leave(info: ServerInfo, file: Path) -> None:
    """Stop using a server, whose lock is held; where this process was its last living user, end it."""
    others = tuple(user for user in info.users if alive(user) and user[0] != os.getpid())
    if others:
        replace(info, users=others).save(file)
    else:
        end(info.mark)
        file.unlink(missing_ok=True)


def ensure_server(store: Store) -> Server:
    """The server that MLFLOW_TRACKING_URI names, else the store's embedded one, started if it does not run.

    Called again after the embedded server died, it starts another at the same address.  Raises ServiceError where the
    named server does not answer, or the embedded one runs on another machine or does not start.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        check_server(given)
        return Server(given, None, started_here=False)
    store.mlflow.mkdir(parents=True, exist_ok=True)
    file = store.mlflow / "server.json"
    with locked(file.with_suffix(".lock"), START, "another process starts or stops MLflow"):
        info = ServerInfo.load(file)
        if info and info.host != socket.gethostname():
            problem = f"the store's MLflow server runs on '{info.host}', and answers only there"
            raise ServiceError(problem, "launch there, set MLFLOW_TRACKING_URI, or remove this file", str(file))
        users = tuple(sorted({*filter(alive, info.users if info else ()), current_process()}))
        if info is not None and answers(info):
            replace(info, users=users).save(file)
            return Server(info.uri, info.process, False, file)
        if info is not None:
            end(info.mark)  # what is left of it
        info = start(store, info.port if info else usual_port(store), users)
    return Server(info.uri, info.process, True, file)


def forget_dead_server(store: Store) -> None:
    """Remove the file of an embedded server that has died, as all of its users have: after a power failure, say."""
    file = store.mlflow / "server.json"
    if not file.exists():
        return
    with suppress(ServiceError, OSError), locked(file.with_suffix(".lock"), 0.0):
        info = ServerInfo.load(file)
        here = info is None or info.host == socket.gethostname()
        if here and not (info is not None and any(map(alive, (info.process, *info.users)))):
            if info is not None:
                end(info.mark)  # its children may hold the port
            file.unlink(missing_ok=True)


def usual_port(store: Store) -> int:
    """The port of earlier servers, if it is free, so that bookmarks and browser settings stay valid; else 0."""
    try:
        return free(int((store.mlflow / "port").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return 0


def check_server(uri: str) -> None:
    """Raise ServiceError unless MLflow answers at this address and accepts the credentials in the environment."""
    place = f"MLFLOW_TRACKING_URI={redact(uri)}"
    if urlsplit(uri).scheme not in ("http", "https", "databricks"):
        raise ServiceError("this is not a server", "start `mlflow server` on it and give its http address", place)
    try:
        connect(uri).list_experiments()
    except Exception as error:  # of requests, MLflow or a plugin for the scheme: all mean that it cannot be used
        status = http_status(error)
        if status in (401, 403):
            remedy = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or add the host to its --allowed-hosts"
            raise ServiceError(f"MLflow denies access ({status})", remedy, place) from None
        remedy = "start it, correct the address, or unset the variable to use an embedded server"
        raise ServiceError(f"MLflow does not answer: {redact(error)}", remedy, place) from None


def start(store: Store, port: int, users: tuple[Process, ...]) -> ServerInfo:
    """Start a server on a port, or on a free one if that is taken or 0, and wait until it answers.

    It is noted in `server.json` before it answers, so that it ends whatever happens to this process meanwhile.
    """
    port = free(port, patience=5.0) or free(0)
    with deferred():
        info = replace(start_process(store, port), users=users)
        info.save(store.mlflow / "server.json")
    (store.mlflow / "port").write_text(str(port), encoding="utf-8")
    try:
        await_answer(info, store)
    except BaseException:
        leave(info, store.mlflow / "server.json")
        raise
    return info


def start_process(store: Store, port: int) -> ServerInfo:
    """Start the server's process, which ends itself where none of its users is left."""
    mark = secrets.token_hex(8)
    with (store.mlflow / "server.log").open("ab") as output:
        process = subprocess.Popen(
            command(store, port),
            cwd=store.mlflow,  # the working directory may hold an old ./mlruns
            env=server_environment(mark),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that Ctrl-C in the terminal does not end it
        )
    CHILDREN.append(process)
    return ServerInfo(socket.gethostname(), port, *identify(process.pid), mark, users=())


def await_answer(info: ServerInfo, store: Store) -> None:
    """Wait until a server that was just started answers.  Raises ServiceError where it does not."""
    deadline = time.monotonic() + START
    while not healthy(info.uri):
        if not alive(info.process) or time.monotonic() > deadline:
            log = store.mlflow / "server.log"
            raise ServiceError(f"the MLflow server does not start: {last_line(log)}", f"read {log}", str(store.mlflow))
        time.sleep(POLL)


def last_line(log: Path) -> str:
    """The last line of a log that is not empty: of a traceback, its error."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it has printed nothing")


def command(store: Store, port: int) -> list[str]:
    return [
        *(
            sys.executable,
            "-P",
            "-m",
            "ablate.track.server_process",
            str(store.mlflow / "server.json"),
            str(os.getpid()),
        ),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", "sqlite:///mlflow.db"),  # from its working folder, whose name may hold '?' or '#'
        *("--artifacts-destination", f"./{FOLDER}"),
    ]


def server_environment(mark: str) -> Mapping[str, str]:
    """This process's environment, without variables that configure MLflow otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.lstrip("_").startswith("MLFLOW")}
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return {**kept, **settings, **absolute_python_path(), MARK: mark, "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}


def free(port: int, patience: float = 0.0) -> int:
    """This port if no process listens on it, any free one for 0; 0 if it is still taken after `patience` seconds."""
    deadline = time.monotonic() + patience  # the port of a killed server is released a little later
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
        if time.monotonic() >= deadline:
            return 0
        time.sleep(POLL)


def answers(info: ServerInfo) -> bool:
    """Whether the server is alive and answers within ANSWER seconds."""
    deadline = time.monotonic() + ANSWER
    while alive(info.process) and time.monotonic() < deadline:
        if healthy(info.uri):
            return True
        time.sleep(POLL)
    return False


def healthy(uri: str) -> bool:
    """Whether the server answers one request."""
    reach_directly(uri)
    with suppress(OSError, http.client.HTTPException), urllib.request.urlopen(f"{uri}/health", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def end(mark: str) -> None:
    """End the processes of the server with this mark, except the calling one.

    A parent that was killed leaves a child that holds the port.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [process for process in members(mark) if process[0] != os.getpid()]
        for pid, _ in left:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + GRACE
        while any(map(alive, left)) and time.monotonic() < deadline:
            time.sleep(POLL / 2)
    CHILDREN[:] = [child for child in CHILDREN if child.poll() is None]


def members(mark: str) -> list[Process]:
    """The processes whose environment has that mark."""
    found = (process.info for process in psutil.process_iter(["pid", "create_time", "environ"]))
    return [(info["pid"], info["create_time"]) for info in found if (info["environ"] or {}).get(MARK) == mark]

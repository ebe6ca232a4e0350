"""Starts an embedded MLflow server and waits until it answers."""

import errno
import http.client
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from ablate.errors import FREE_SPACE, ServiceError
from ablate.interrupts import deferred
from ablate.paths import Store
from ablate.process import Process, absolute_python_path, alive, identify
from ablate.track.client import reach_directly
from ablate.track.server_end import CHILDREN, MARK, leave
from ablate.track.server_info import START, ServerInfo

ATTEMPTS = 5  # ports on which a server is started until one is not taken meanwhile
TAKEN = f"[Errno {errno.EADDRINUSE}]"  # in the server's log
FULL = ("database or disk is full", "No space left on device")  # SQLite's words and the system's
POLL = 0.1  # seconds between two looks at a port: it does not notify of a change
ANSWER = 60.0  # seconds that a living server may take to answer: other processes may use most of the processor


class PortTaken(Exception):
    """Another process has taken the port between its choice and the server's start, which takes seconds."""


def start(store: Store, port: int, users: tuple[Process, ...]) -> ServerInfo:
    """Start a server on a port, or on a free one if that is taken or 0, and wait until it answers."""
    port = free(port, patience=5.0) or free(0)
    for _ in range(ATTEMPTS):
        try:
            return start_on(store, port, users)
        except PortTaken:
            port = free(0)
    log = store.mlflow / "server.log"
    problem = f"the MLflow server does not start: other processes took its port, {ATTEMPTS} times"
    raise ServiceError(problem, f"read {log}", str(store.mlflow))


def start_on(store: Store, port: int, users: tuple[Process, ...]) -> ServerInfo:
    """Start a server on a port and wait until it answers.  Raises PortTaken where another process has the port.

    It is noted in `server.json` before it answers, so that it ends whatever happens to this process meanwhile.
    """
    log = store.mlflow / "server.log"
    printed = log.stat().st_size if log.exists() else 0  # by earlier servers
    with deferred():
        info = replace(start_process(store, port), users=users)
        info.save(store.server)
    (store.mlflow / "port").write_text(str(port), encoding="utf-8")
    try:
        await_answer(info, log, printed)
    except BaseException:
        leave(info, store.server)
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


def await_answer(info: ServerInfo, log: Path, printed: int) -> None:
    """Wait until a server that was just started answers.

    Raises PortTaken where its log says so behind the first `printed` bytes, and ServiceError where it does not start.
    """
    deadline = time.monotonic() + START
    while not (healthy(info.uri) and listens(info)):  # else another process may have answered at its port
        if not alive(info.process) or time.monotonic() > deadline:
            text = log.read_bytes()[printed:].decode(errors="replace")
            if TAKEN in text:
                raise PortTaken
            if any(words in text for words in FULL):
                raise ServiceError(os.strerror(errno.ENOSPC), FREE_SPACE, str(log.parent))
            problem = f"the MLflow server does not start: {last_line(text)}"
            raise ServiceError(problem, f"read {log}", str(log.parent))
        time.sleep(POLL)


def listens(info: ServerInfo) -> bool:
    """Whether a process of this server has its port."""
    with suppress(psutil.Error):
        server = psutil.Process(info.pid)
        sockets = (one for process in (server, *server.children()) for one in process.net_connections("tcp"))
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == info.port for one in sockets)
    return False


def last_line(text: str) -> str:
    """The last line that is not empty: of a traceback, its error."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it has printed nothing")


def command(store: Store, port: int) -> list[str]:
    return [
        *(
            sys.executable,
            "-P",
            "-m",
            "ablate.track.server_process",
            str(store.server),
            str(os.getpid()),
            store.database.name,
        ),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--artifacts-destination", f"./{store.artifacts.name}"),
    ]


def server_environment(mark: str) -> Mapping[str, str]:
    """This process's environment, without variables that configure MLflow otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.lstrip("_").startswith("MLFLOW")}
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return {**kept, **settings, **absolute_python_path(), MARK: mark, "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}


def usual_port(store: Store) -> int:
    """The port of earlier servers, if it is free, so that bookmarks and browser settings stay valid; else 0."""
    try:
        return free(int((store.mlflow / "port").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return 0


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

"""Fixtures: trials, an MLflow server's runs, and a proxy before the server that can fail as a test demands."""

import http.client
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ablate.paths import Store, StudyPaths
from ablate.track.client import connect, search
from ablate.track.server import ensure_server
from ablate.trial import Config, Trial


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store; its server, if a test starts one, is stopped after the test."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = Store(tmp_path / "store")
    yield made
    if (made.mlflow / "server.json").exists():
        ensure_server(made).stop()


@pytest.fixture
def study() -> str:
    return f"study-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def paths(tmp_path: Path, study: str) -> StudyPaths:
    return StudyPaths(tmp_path / study)


@pytest.fixture
def make_trial(study: str) -> Callable[..., Trial]:
    def make(seed: int = 0, epsilon: float = 1.0) -> Trial:
        training = {"epochs": 3, "batch_size": 32}
        config = Config("invariant", "1", {"epsilon": epsilon, "study": study}, "digits", "1", training, seed)
        return Trial(config, {"linear": {"strength": 1.0}}, study, {"method.epsilon": epsilon})

    return make


@pytest.fixture
def runs(mlflow_uri: str, study: str) -> Callable[..., list[Any]]:
    """The study's active runs of a kind, read from MLflow."""

    def find(kind: str = "trial") -> list[Any]:
        client = connect(mlflow_uri)
        experiment = client.get_experiment_by_name(study)
        if experiment is None:
            return []
        return search(client, [experiment.experiment_id], {"ablate.kind": kind})

    return find


@pytest.fixture
def points(mlflow_uri: str) -> Callable[[str, str], list[tuple[int, float]]]:
    """Every point of a metric, repetitions included."""

    def read(run_id: str, name: str) -> list[tuple[int, float]]:
        history = connect(mlflow_uri).get_metric_history(run_id, name)
        return sorted((point.step, point.value) for point in history)

    return read


STATUSES = {"fail": 500, "reject": 413, "deny": 403}  # mode of a proxy → HTTP status


class Proxy(ThreadingHTTPServer):
    """Forwards requests to a server and counts them; `mode` chooses by the request whether and how it fails."""

    daemon_threads = True

    def __init__(self, uri: str) -> None:
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.target = urlsplit(uri).netloc
        self.requests: list[str] = []
        # request → pass, hang, lose (its answer) or a key of STATUSES
        self.mode: Callable[[str], str] = lambda _: "pass"
        self.released = threading.Event()  # ends requests that hang

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def answer(self) -> None:
        body = self._body()
        request = f"{self.command} {self.path.partition('?')[0]}"
        self.server.requests.append(request)
        mode = self.server.mode(request)
        if mode == "hang":
            self.server.released.wait(60)
            self.close_connection = True
        elif mode in STATUSES:
            self._reply(STATUSES[mode], b"broken", "text/plain")
        else:
            status, content, kind = self._forward(body)
            if mode == "lose":
                self.close_connection = True
            else:
                self._reply(status, content, kind)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _forward(self, body: bytes) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        kept = {name: self.headers[name] for name in ("Content-Type", "Authorization") if name in self.headers}
        connection.request(self.command, self.path, body, kept)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, answer.getheader("Content-Type", "")

    def _reply(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Do not print requests."""


@pytest.fixture
def proxy(mlflow_uri: str) -> Iterator[Proxy]:
    server = Proxy(mlflow_uri)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds, for at most a minute."""

    def wait(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "the condition did not hold within a minute"
            time.sleep(0.05)  # the condition is another thread's or process's, which does not notify

    return wait


@pytest.fixture
def in_child() -> Iterator[Callable[[Callable[[], object]], int]]:
    """Run a function in a forked process; the process's id."""
    children: list[int] = []

    def start(work: Callable[[], object]) -> int:
        child = os.fork()
        if child:
            children.append(child)
            return child
        try:
            work()
        finally:
            os._exit(0)

    yield start
    for child in children:
        try:
            os.kill(child, 9)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            continue

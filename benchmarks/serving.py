"""A temporary store with an MLflow server, and commands started with it, for the other benchmarks."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ablate.paths import Store
from ablate.track.server import ensure_server

ABLATE = (sys.executable, "-m", "ablate")


@contextmanager
def serving() -> Iterator[tuple[Store, str]]:
    """An empty store, and the address of the MLflow server that it starts; both are removed at the end."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        server = ensure_server(store)
        try:
            yield store, server.uri
        finally:
            server.stop()


def environment_of(store: Store, uri: str, **more: str) -> Mapping[str, str]:
    """The environment of a launch into that store: one thread per process, records sent to that server."""
    own = {"ABLATE_STORE": str(store.root), "MLFLOW_TRACKING_URI": uri, "OMP_NUM_THREADS": "1"}
    return {**os.environ, **own, **more}


def begin(command: tuple[str, ...], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to a file."""
    with log.open("ab") as out:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

"""A real MLflow server without users, on SQLite, at an address of this machine that other nodes reach."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from .network import free_port


@contextmanager
def plain_mlflow(folder: Path, host: str) -> Iterator[str]:
    """The address of a server that starts in the block; its files are in the folder."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--allowed-hosts", "*"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # else four processes more
    with (folder / "mlflow.log").open("wb") as out:
        server = psutil.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield f"http://{host}:{port}"
    finally:
        for process in (*server.children(recursive=True), server):
            process.kill()
        server.wait()

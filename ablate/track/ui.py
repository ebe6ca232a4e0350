"""Read access to the runs of a store: the address to read them from, and the MLflow UI."""

import os
import signal
import threading
import webbrowser
from collections.abc import Callable

from ablate.paths import Store
from ablate.track.client import SQLITE
from ablate.track.server import ensure_server

RUNS = "/#/experiments?workflowType=machine_learning"  # MLflow opens on its pages for language models otherwise


def reading_address(store: Store) -> str:
    """Where runs can be read without starting a server: the server that the environment names, else the embedded one's
    database; '' where there is none.

    The database is read beside a running server too: it answers sooner, and needs none of the server's time.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    database = store.mlflow / "mlflow.db"
    return f"{SQLITE}{database.as_posix()}" if database.exists() else ""


def serve_until_interrupt(store: Store, browser: bool, say: Callable[[str], None]) -> None:
    """Serve the UI until SIGINT or SIGTERM; an embedded server that dies is started again."""
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    server = ensure_server(store)
    try:
        say(f"MLflow is at {server.uri}{RUNS}; Ctrl-C ends it")
        say("if it shows traces and no runs, choose 'Model training' at the top left; the browser keeps the choice")
        if browser:
            webbrowser.open(server.uri + RUNS)
        while not interrupted.wait(5.0):
            server = ensure_server(store)
    finally:
        server.stop()

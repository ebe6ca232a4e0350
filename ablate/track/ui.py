"""Looking into MLflow's memory of a store: through its UI, or at least through its database."""

import os
import signal
import threading
import webbrowser
from collections.abc import Callable

from ablate.paths import Store
from ablate.process import alive
from ablate.track.server import ANSWER, ServerInfo, ensure_server, healthy

RUNS = "/#/experiments?workflowType=machine_learning"  # MLflow opens on its pages for language models otherwise


def reading_address(store: Store) -> str:
    """From where runs can be read without starting anything: a server that runs, else the database; '' if neither."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    info = ServerInfo.load(store.mlflow / "server.json")
    if info and alive(info.process) and healthy(info.uri, ANSWER):
        return info.uri
    database = store.mlflow / "mlflow.db"
    return f"sqlite:///{database.as_posix()}" if database.exists() else ""


def serve_until_interrupt(store: Store, browser: bool, say: Callable[[str], None]) -> None:
    """Serve the UI; an embedded server that dies is started again."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    server = ensure_server(store)
    try:
        say(f"MLflow is at {server.uri}{RUNS}; Ctrl-C ends it")
        say("where it shows traces and no runs, choose 'Model training' at the top left: it remembers")
        if browser:
            webbrowser.open(server.uri + RUNS)
        while not over.wait(5.0):
            server = ensure_server(store)
    finally:
        server.stop()

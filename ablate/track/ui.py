"""Read access to the runs of a store: the address to read them from, and the MLflow UI."""

import threading
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

from ablate.interrupts import handled
from ablate.paths import Store
from ablate.permissions import store_permissions
from ablate.track.client import SQLITE, connect
from ablate.track.named_server import named_server
from ablate.track.server import ensure_server, forget_dead_server
from ablate.track.shared_views import NESTED, RANKED, TAG, link_to_runs

RUNS = "/#/experiments?workflowType=machine_learning"  # MLflow opens on its pages for language models otherwise


def reading_address(store: Store) -> str:
    """Where runs can be read without starting a server: the server that the environment names, else the embedded one's
    database; '' where there is none.

    The database is read beside a running server too: it answers sooner, and needs none of the server's time.
    """
    given = named_server()
    if given:
        return given
    forget_dead_server(store)
    return f"{SQLITE}{store.database.as_posix()}" if store.database.exists() else ""


def ui_address(store: Store) -> str:
    """Where MLflow's pages are, or are once `ablate ui` runs; empty where the store has had no server yet."""
    given = named_server()
    if given:
        return given if given.startswith("http") else ""
    with suppress(OSError, ValueError):
        return f"http://127.0.0.1:{int((store.mlflow / 'port').read_text(encoding='utf-8'))}"
    return ""


def study_links(uri: str) -> dict[str, tuple[str, str]]:
    """Study → the addresses of its variants, the best first, and of its runs nested, where MLflow has views of them."""
    return {
        one.name: (link_to_runs(uri, one.experiment_id), link_to_runs(uri, one.experiment_id, NESTED))
        for one in connect(uri).list_experiments()
        if f"{TAG}{RANKED}" in one.tags
    }


def serve_until_interrupt(
    store: Store, browser: bool, say: Callable[[str], None], dashboards: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Serve the UI until a signal arrives; an embedded server that dies is started again.

    `dashboards` are the addresses of Optuna's dashboards, by study, which are told as well.
    """
    interrupted = threading.Event()
    with handled() as interrupts, store_permissions(store):
        server = ensure_server(store)
        try:
            with interrupts.first_calls(interrupted.set):
                say(f"MLflow is at {server.uri}{RUNS}; Ctrl-C ends it")
                found = study_links(server.uri)
                for name, (ranked, nested) in found.items():
                    say(f"{name}: {ranked}")
                    say(f"{name}, nested: {nested}")
                for name, address in dashboards.items():
                    say(f"{name}: Optuna's dashboard is at {address}")
                if browser:
                    webbrowser.open(next(iter(found.values()))[0] if len(found) == 1 else server.uri + RUNS)
                while not interrupted.wait(5.0):
                    server = ensure_server(store)
        finally:
            server.stop()

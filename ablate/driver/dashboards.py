"""Optuna's dashboard over the journals of a store's searches, where the package `optuna-dashboard` is installed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ablate.paths import Store

Application = Callable[[dict[str, Any], Callable[..., Any]], Any]  # of WSGI

HERE = "127.0.0.1"
READING = ("GET", "HEAD")


class DashboardServer(ThreadingMixIn, WSGIServer):
    """Serves each request in a thread of its own, none of which outlives the process."""

    daemon_threads = True


class SilentHandler(WSGIRequestHandler):
    """Prints no line for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def dashboards(store: Store) -> Iterator[dict[str, str]]:
    """Serve a dashboard for each search of the store, on this machine's own address; study → address.

    They are read-only: a launch may write the same journal, and MLflow holds what a change would contradict.
    """
    servers = {name: serve(journal) for name, journal in journals(store).items()}
    try:
        yield {name: f"http://{HERE}:{server.server_port}/dashboard" for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()


def journals(store: Store) -> dict[str, Path]:
    """Study → journal, of the searches of a store; none where the dashboard is not installed."""
    if find_spec("optuna_dashboard") is None or not store.studies.is_dir():
        return {}
    folders = sorted(path for path in store.studies.iterdir() if path.is_dir())
    return {one.name: journal for one in folders if (journal := store.study(one.name).search).exists()}


def serve(journal: Path) -> DashboardServer:
    """A server of one journal, at a free port, in a thread."""
    import optuna_dashboard

    from ablate.search.storage import open_journal_file

    application = read_only(optuna_dashboard.wsgi(open_journal_file(journal)))
    server = make_server(HERE, 0, application, DashboardServer, SilentHandler)
    threading.Thread(target=server.serve_forever, name=f"dashboard of {journal.parent.name}", daemon=True).start()
    return server


def read_only(application: Application) -> Application:
    """The application, which refuses to change anything, and requests under another name than this machine's own."""

    def guarded(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        host = str(environ.get("HTTP_HOST", "")).partition(":")[0]
        if environ["REQUEST_METHOD"] not in READING or host not in (HERE, "localhost"):
            start("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"this dashboard can be read only, and only from this machine"]
        return application(environ, start)

    return guarded

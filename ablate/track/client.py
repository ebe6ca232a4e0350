"""The client of an MLflow server, whose requests fail early because its callers repeat them, and requests with it."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from ablate.track.client_interface import Client, Reader
from ablate.track.database import DatabaseReader
from ablate.track.entities import Run

LOOPBACK = ("127.0.0.1", "localhost", "::1")
REFUSALS = (400, 404, 405, 413, 415, 422)  # HTTP statuses that the same request would get again
SQLITE = "sqlite:///"


def connect(uri: str, artifacts: Path | None = None) -> Client:
    """A client whose requests fail within seconds; settings in the user's environment take precedence.

    `artifacts` is the folder of an embedded server, into which files are written without a request.
    """
    reach_directly(uri)
    from ablate.track.other_servers import PluginClient, needs_mlflow_client

    if needs_mlflow_client(uri):
        return cast(Client, PluginClient(uri))  # it passes most calls on, which no type checker sees
    from ablate.track.rest_client import connect_by_rest

    return connect_by_rest(uri, artifacts)


def connect_reader(uri: str) -> Reader:
    """Read access to a server, or to the SQLite database that the address names."""
    return DatabaseReader(Path(uri.removeprefix(SQLITE))) if uri.startswith(SQLITE) else connect(uri)


def reach_directly(uri: str) -> None:
    """Where the server is on this machine, exclude it from the proxy that the environment names."""
    if urlsplit(uri).hostname in LOOPBACK:
        for name in ("no_proxy", "NO_PROXY"):
            hosts = [host for host in os.environ.get(name, "").split(",") if host]
            os.environ[name] = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))


def redact(text: object) -> str:
    """The same text without the user and password of any address in it."""
    return re.sub(r"//[^/@\s]+@", "//***@", str(text))


def http_status(error: BaseException) -> int:
    """The HTTP status of the server's answer; 0 where it did not answer."""
    response = getattr(error, "response", None)  # of requests
    if response is not None:
        return int(response.status_code)
    if isinstance(error, ConnectionError | TimeoutError) or not hasattr(error, "get_http_status_code"):
        return 0
    return int(error.get_http_status_code())  # of MLflow, or of `RestError`


def refused(error: BaseException) -> bool:
    """Whether the server rejected the request itself, so that it would reject it again."""
    return http_status(error) in REFUSALS


def search(reader: Reader, experiments: Sequence[str], tags: Mapping[str, str], status: str = "") -> list[Run]:
    """All active runs with these tags and this status, oldest first."""
    return [run for page in reader.run_pages(experiments, tags, status) for run in page]

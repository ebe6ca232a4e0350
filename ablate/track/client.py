"""A client of MLflow that gives up early, because whoever calls it tries again."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient

IMPATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # MLflow would repeat a create_run too, and so make two runs
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # printing costs a request
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE = 1000  # runs in an answer
REFUSALS = (400, 404, 405, 413, 415, 422)  # asked again, the answer would be the same


def connect(uri: str) -> "MlflowClient":
    """A client whose requests fail within seconds; what the user has set in the environment stands."""
    for name, value in IMPATIENCE.items():
        os.environ.setdefault(name, value)
    reach_directly(uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def reach_directly(uri: str) -> None:
    """Keep a proxy that the environment names out of the way to this machine."""
    if urlsplit(uri).hostname in LOOPBACK:
        for name in ("no_proxy", "NO_PROXY"):
            hosts = [host for host in os.environ.get(name, "").split(",") if host]
            os.environ[name] = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))


def redact(text: object) -> str:
    """The same text without the user and password of any address in it."""
    return re.sub(r"//[^/@\s]+@", "//***@", str(text))


def http_status(error: BaseException) -> int:
    """The status that the server answered with; 0 where it did not answer."""
    response = getattr(error, "response", None)  # of requests
    if response is not None:
        return int(response.status_code)
    if isinstance(error, ConnectionError | TimeoutError) or not hasattr(error, "get_http_status_code"):
        return 0
    return int(error.get_http_status_code())  # of MLflow


def refused(error: BaseException) -> bool:
    """Whether the server understood and said no, so that trying again is useless."""
    return http_status(error) in REFUSALS


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The experiment of that name: found, restored if somebody deleted it, or made, though others do so too."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            found = client.get_experiment_by_name(name)  # another process was faster
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def search(client: "MlflowClient", experiments: list[str], query: str) -> list[Any]:
    """All active runs that match, oldest first."""
    return [run for page in pages(client, experiments, query) for run in page]


def pages(client: "MlflowClient", experiments: list[str], query: str, size: int = PAGE) -> Iterator[list[Any]]:
    """The same, so many at a time."""
    token = None
    while True:
        page = client.search_runs(
            experiments, query, max_results=size, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield list(page)
        token = page.token
        if not token:
            return

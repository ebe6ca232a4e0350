"""A client of MLflow whose requests fail early, because its callers repeat them, and requests with it."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # MLflow would repeat a create_run too, and so make two runs
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # printing costs a request
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE = 1000  # runs in an answer
REFUSALS = (400, 404, 405, 413, 415, 422)  # HTTP statuses that the same request would get again


def connect(uri: str) -> "MlflowClient":
    """A client whose requests fail within seconds; settings in the user's environment take precedence."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    reach_directly(uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


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
    return int(error.get_http_status_code())  # of MLflow


def refused(error: BaseException) -> bool:
    """Whether the server rejected the request itself, so that it would reject it again."""
    return http_status(error) in REFUSALS


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The id of the experiment of that name: found, restored if it was deleted, or made.

    Several processes may call this at once.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            found = client.get_experiment_by_name(name)  # another process has made it meanwhile
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def search(client: "MlflowClient", experiments: list[str], query: str) -> list[Any]:
    """All active runs that match, oldest first."""
    return [run for page in pages(client, experiments, query) for run in page]


def pages(client: "MlflowClient", experiments: list[str], query: str, size: int = PAGE) -> Iterator[list[Any]]:
    """The same in pages of at most `size` runs, a request each."""
    token = None
    while True:
        page = client.search_runs(
            experiments, query, max_results=size, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield list(page)
        token = page.token
        if not token:
            return


def read_curve(client: "MlflowClient", run_id: str, name: str) -> list[tuple[int, float]]:
    """(Epoch, value) of a metric by the name it has in MLflow, in order of epochs, the newest value of each."""
    points = sorted(client.get_metric_history(run_id, name), key=lambda point: point.timestamp)
    return sorted({point.step: point.value for point in points}.items())

"""MLflow's own client as a `Client`, for servers that need its plugins: Databricks, AWS signatures, workspaces."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import entry_points
from typing import Any

from ablate.track.client_interface import PAGE
from ablate.track.entities import Metric, UsedData
from ablate.track.rest_client import query

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # MLflow would repeat a create_run too, and so make two runs
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # printing costs a request
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
VARIABLES = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_WORKSPACE")
PLUGINS = "mlflow.request_header_provider"


def needs_mlflow_client(uri: str) -> bool:
    """Whether requests to this address need more than MLflow's documented REST interface."""
    plain = uri.startswith(("http://", "https://"))
    return not plain or any(os.environ.get(name) for name in VARIABLES) or bool(entry_points(group=PLUGINS))


class PluginClient:
    """Passes calls to MLflow's client, except those that `Client` has in another form."""

    def __init__(self, uri: str) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self.client: MlflowClient = MlflowClient(tracking_uri=uri)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def list_experiments(self, tags: Mapping[str, str] | None = None) -> list[Any]:
        wanted = query(tags or {}) or None
        search = partial(self.client.search_experiments, max_results=PAGE, filter_string=wanted)
        return [one for page in pages(search) for one in page]

    def run_pages(
        self, experiments: Sequence[str], tags: Mapping[str, str], status: str = "", size: int = PAGE
    ) -> Iterator[list[Any]]:
        order = ["attributes.start_time ASC"]
        wanted = query(tags, status)
        return pages(partial(self.client.search_runs, list(experiments), wanted, max_results=size, order_by=order))

    def histories(self, run_ids: Sequence[str], name: str) -> dict[str, list[Any]]:
        found = {run_id: list(self.client.get_metric_history(run_id, name)) for run_id in run_ids}
        return {run_id: points for run_id, points in found.items() if points}

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow import entities

        self.client.log_batch(
            run_id,
            [entities.Metric(one.key, one.value, one.timestamp, one.step) for one in metrics],
            [entities.Param(*pair) for pair in (params or {}).items()],
            [entities.RunTag(*pair) for pair in (tags or {}).items()],
        )

    def log_dataset(self, run_id: str, dataset: UsedData) -> None:
        from mlflow import entities

        described = entities.Dataset(dataset.name, dataset.digest, "ablate", json.dumps({"dataset": dataset.name}))
        used = entities.DatasetInput(described, [entities.InputTag("mlflow.data.context", dataset.split)])
        self.client.log_inputs(run_id, [used])


def pages(request: Callable[..., Any]) -> Iterator[list[Any]]:
    """The answers to a request of MLflow's client that is answered in pages."""
    token = None
    while True:
        page = request(page_token=token)
        yield list(page)
        token = page.token
        if not token:
            return

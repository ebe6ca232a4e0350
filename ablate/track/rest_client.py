"""MLflow's server through its REST interface: what ablate needs of MLflow's client, without its import."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.track.client_interface import PAGE
from ablate.track.entities import Experiment, Metric, Run, RunData, RunInfo, UsedData
from ablate.track.portions import portions
from ablate.track.rest import Rest, RestError
from ablate.track.rest_artifacts import RestArtifacts
from ablate.track.timestamps import now

METRICS, OTHERS = 1000, 100  # metrics, params and tags that MLflow takes at a time
BULK_RUNS, BULK_POINTS = 100, 25_000  # of an answer with the curves of several runs


class RestClient(RestArtifacts):
    """A `Client` of a server at an http address."""

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        try:
            answer = self.rest.get("experiments/get-by-name", experiment_name=name)
        except RestError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return experiment_of(answer["experiment"])

    def list_experiments(self, tags: Mapping[str, str] | None = None) -> list[Experiment]:
        wanted = {"max_results": PAGE, "filter": query(tags or {}) or None}
        pages = self.rest.pages(self.rest.post, "experiments/search", **wanted)
        return [experiment_of(content) for page in pages for content in page.get("experiments", [])]

    def run_pages(
        self, experiments: Sequence[str], tags: Mapping[str, str], status: str = "", size: int = PAGE
    ) -> Iterator[list[Run]]:
        found = self.rest.pages(
            self.rest.post,
            "runs/search",
            experiment_ids=list(experiments),
            filter=query(tags, status) or None,
            max_results=size,
            order_by=["attributes.start_time ASC"],
        )
        return ([run_of(content) for content in page.get("runs", [])] for page in found)

    def get_run(self, run_id: str) -> Run:
        return run_of(self.rest.get("runs/get", run_id=run_id)["run"])

    def histories(self, run_ids: Sequence[str], name: str) -> dict[str, list[Metric]]:
        found: dict[str, list[Metric]] = {}
        for some in portions(run_ids, BULK_RUNS):
            found |= self._histories(some, name)
        return found

    def _histories(self, run_ids: Sequence[str], name: str) -> dict[str, list[Metric]]:
        """One request for up to a hundred runs; more where the answer would be cut."""
        if len(run_ids) == 1:
            points = self.get_metric_history(run_ids[0], name)
            return {run_ids[0]: points} if points else {}
        try:
            params = {"run_id": list(run_ids), "metric_key": name, "max_results": BULK_POINTS}
            listed = self.rest.get_page("/ajax-api/2.0/mlflow/metrics/get-history-bulk", params).get("metrics", [])
        except RestError as error:  # not every server has this request, which MLflow's pages use
            if error.status not in (400, 403, 404, 405, 413, 501):
                raise
            listed = None
        if listed is None or len(listed) >= BULK_POINTS:
            half = len(run_ids) // 2
            return self._histories(run_ids[:half], name) | self._histories(run_ids[half:], name)
        found: dict[str, list[Metric]] = {}
        for content in listed:
            found.setdefault(str(content["run_id"]), []).append(metric_of(content))
        return found

    def get_metric_history(self, run_id: str, name: str) -> list[Metric]:
        """All points of one run's metric."""
        wanted = {"run_id": run_id, "metric_key": name, "max_results": BULK_POINTS}
        pages = self.rest.pages(self.rest.get, "metrics/get-history", **wanted)
        return [metric_of(content) for page in pages for content in page.get("metrics", [])]

    def create_experiment(self, name: str) -> str:
        return str(self.rest.post("experiments/create", name=name)["experiment_id"])

    def restore_experiment(self, experiment_id: str) -> None:
        self.rest.post("experiments/restore", experiment_id=experiment_id)

    def delete_experiment(self, experiment_id: str) -> None:
        self.rest.post("experiments/delete", experiment_id=experiment_id)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        self.rest.post("experiments/update", experiment_id=experiment_id, new_name=new_name)

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        self.rest.post("experiments/set-experiment-tag", experiment_id=experiment_id, key=key, value=value)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, str] | None = None,
        run_name: str | None = None,
    ) -> Run:
        answer = self.rest.post(
            "runs/create",
            experiment_id=experiment_id,
            start_time=start_time or now(),
            tags=pairs(tags or {}),
            run_name=run_name,
        )
        run = run_of(answer["run"])
        self.locations[run.info.run_id] = run.info.artifact_uri
        return run

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        self.rest.post("runs/update", run_id=run_id, status=status, run_name=name)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        self.rest.post("runs/update", run_id=run_id, status=status or "FINISHED", end_time=end_time or now())

    def delete_run(self, run_id: str) -> None:
        self.rest.post("runs/delete", run_id=run_id)

    def restore_run(self, run_id: str) -> None:
        self.rest.post("runs/restore", run_id=run_id)

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self.rest.post("runs/set-tag", run_id=run_id, key=key, value=value)

    def delete_tag(self, run_id: str, key: str) -> None:
        self.rest.post("runs/delete-tag", run_id=run_id, key=key)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        params_left, tags_left, points_left = pairs(params or {}), pairs(tags or {}), [plain(one) for one in metrics]
        while params_left or tags_left or points_left:
            some_params, params_left = params_left[:OTHERS], params_left[OTHERS:]
            some_tags, tags_left = tags_left[:OTHERS], tags_left[OTHERS:]
            room = 0 if params_left or tags_left else METRICS - len(some_params) - len(some_tags)
            points, points_left = points_left[:room], points_left[room:]
            self.rest.post("runs/log-batch", run_id=run_id, params=some_params, tags=some_tags, metrics=points)

    def log_dataset(self, run_id: str, dataset: UsedData) -> None:
        described = {
            "name": dataset.name,
            "digest": dataset.digest,
            "source_type": "ablate",
            "source": json.dumps({"dataset": dataset.name}),
            "profile": json.dumps({"samples": dataset.samples or "all"}),
        }
        tags = pairs({"mlflow.data.context": dataset.split})
        self.rest.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": described, "tags": tags}])


def connect_by_rest(uri: str, artifacts: Path | None = None) -> RestClient:
    return RestClient(Rest(uri), artifacts)


def query(tags: Mapping[str, str], status: str = "") -> str:
    """MLflow's filter for runs or experiments that have these tags, and this status."""
    wanted = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
    return " and ".join([*wanted, *([f"attributes.status = '{status}'"] if status else [])])


def experiment_of(content: Mapping[str, Any]) -> Experiment:
    stage = content.get("lifecycle_stage", "active")
    return Experiment(str(content["experiment_id"]), content.get("name", ""), stage, mapping(content.get("tags", [])))


def run_of(content: Mapping[str, Any]) -> Run:
    info, data = content["info"], content.get("data", {})
    ended = info.get("end_time")
    about = RunInfo(
        run_id=info["run_id"],
        experiment_id=str(info.get("experiment_id", "")),
        run_name=info.get("run_name", ""),
        status=info.get("status", ""),
        start_time=int(info.get("start_time", 0)),
        end_time=int(ended) if ended else None,
        lifecycle_stage=info.get("lifecycle_stage", "active"),
        artifact_uri=info.get("artifact_uri", ""),
    )
    metrics = {point["key"]: float(point.get("value", 0.0)) for point in data.get("metrics", [])}
    return Run(about, RunData(metrics, mapping(data.get("params", [])), mapping(data.get("tags", []))))


def metric_of(content: Mapping[str, Any]) -> Metric:
    """A point; JSON holds long numbers, NaN and infinities as words."""
    return Metric(
        content["key"], float(content.get("value", 0.0)), int(content["timestamp"]), int(content.get("step", 0))
    )


def plain(point: Metric) -> dict[str, Any]:
    """A point as MLflow's JSON holds it."""
    value: float | str = point.value
    if value != value or value in (float("inf"), float("-inf")):  # a NaN differs from itself
        value = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(float(value))]
    return {"key": point.key, "value": value, "timestamp": point.timestamp, "step": point.step}


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in values.items()]


def mapping(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {entry["key"]: entry.get("value", "") for entry in listed}

"""What ablate asks of MLflow: `Reader` and `Client`; names and arguments are those of MLflow's own client."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from ablate.track.entities import Experiment, FileInfo, Metric, Run, UsedData

PAGE = 1000  # runs in an answer


class Reader(Protocol):
    """Read access to an MLflow server, or to its database."""

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of that name, active or deleted."""

    def list_experiments(self, tags: Mapping[str, str] | None = None) -> list[Experiment]:
        """All active experiments that have these tags."""

    def run_pages(
        self, experiments: Sequence[str], tags: Mapping[str, str], status: str = "", size: int = PAGE
    ) -> Iterator[list[Run]]:
        """The active runs of these experiments that have these tags and this status, oldest first, in pages."""

    def get_run(self, run_id: str) -> Run:
        """A run, active or deleted."""

    def histories(self, run_ids: Sequence[str], name: str) -> dict[str, list[Metric]]:
        """Run id → all points of a metric, in any order; runs without the metric are left out."""


class Client(Reader, Protocol):
    """Read and write access to an MLflow server.

    Requests fail within seconds and are never repeated, because callers repeat what they can repeat without harm.
    """

    def create_experiment(self, name: str) -> str: ...
    def restore_experiment(self, experiment_id: str) -> None: ...
    def delete_experiment(self, experiment_id: str) -> None: ...
    def rename_experiment(self, experiment_id: str, new_name: str) -> None: ...
    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None: ...
    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, str] | None = None,
        run_name: str | None = None,
    ) -> Run: ...
    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None: ...
    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None: ...
    def delete_run(self, run_id: str) -> None: ...
    def restore_run(self, run_id: str) -> None: ...
    def set_tag(self, run_id: str, key: str, value: str) -> None: ...
    def delete_tag(self, run_id: str, key: str) -> None: ...
    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log any number of values; params and tags before metrics."""

    def log_dataset(self, run_id: str, dataset: UsedData) -> None:
        """Log a data set as an input of the run."""

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]: ...
    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None: ...
    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None: ...
    def log_text(self, run_id: str, text: str, artifact_file: str) -> None: ...
    def download_artifacts(self, run_id: str, path: str, dst_path: str) -> str:
        """Download a file into a folder; its local path."""

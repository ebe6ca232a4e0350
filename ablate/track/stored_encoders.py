"""The encoders that MLflow holds as artifacts of runs: their sizes, and deleting them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ablate.paths import Store
from ablate.track.concurrent_requests import concurrently
from ablate.track.entities import Run
from ablate.track.named_server import named_server

FILE = "encoder.pt"


@dataclass(frozen=True)
class StoredEncoder:
    """The encoder of a run."""

    run_id: str
    size: int  # bytes


class LocalEncoders:
    """Those of the store's embedded server, as files: no server need run."""

    def __init__(self, store: Store) -> None:
        self.files = {file.parts[-3]: file for file in store.artifacts.glob(f"*/*/artifacts/{FILE}")}

    def run_ids(self) -> list[str]:
        """The runs that have an encoder, deleted ones too."""
        return list(self.files)

    def of(self, runs: Iterable[Run]) -> list[StoredEncoder]:
        held = (run.info.run_id for run in runs if run.info.run_id in self.files)
        return [StoredEncoder(run_id, self.files[run_id].stat().st_size) for run_id in held]

    def delete(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if run.info.run_id in self.files:
                self.files[run.info.run_id].unlink(missing_ok=True)


class RemoteEncoders:
    """Those of another server, through MLflow's client, which knows every storage."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def run_ids(self) -> list[str]:
        """None: a server lists the artifacts of known runs only."""
        return []

    def of(self, runs: Iterable[Run]) -> list[StoredEncoder]:
        return [one for one in concurrently(self._find, runs) if one is not None]

    def delete(self, runs: Iterable[Run]) -> None:
        concurrently(lambda run: self._repository(run).delete_artifacts(FILE), runs)

    def _find(self, run: Run) -> StoredEncoder | None:
        sizes = {file.path: file.file_size for file in self._repository(run).list_artifacts()}
        return StoredEncoder(run.info.run_id, int(sizes[FILE] or 0)) if FILE in sizes else None

    def _repository(self, run: Run) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(run.info.artifact_uri, tracking_uri=self.uri)


def stored_encoders(store: Store) -> LocalEncoders | RemoteEncoders:
    """The encoders of the server that the environment names, else of the store's own."""
    given = named_server()
    return RemoteEncoders(given) if given else LocalEncoders(store)

"""Artifacts of runs through MLflow's server, or through MLflow's client where the server does not pass them on.

Files for an embedded server are written into its folder: a request for each costs more than the rest of a short trial.
"""

import mimetypes
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from ablate.atomic_write import copy_file
from ablate.track.entities import FileInfo
from ablate.track.rest import TRANSFER_TIMEOUT, Rest

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROXY = "/api/2.0/mlflow-artifacts/artifacts/"
CHUNK = 2**20  # bytes


class RestArtifacts:
    """The part of `Client` that concerns files; `folder` is that of an embedded server's artifacts."""

    def __init__(self, rest: Rest, folder: Path | None = None) -> None:
        self.rest = rest
        self.folder = folder
        self.locations: dict[str, str] = {}  # run id → address of its artifacts

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        pages = self.rest.pages(self.rest.get, "artifacts/list", run_id=run_id, path=path)
        return [FileInfo(one["path"], bool(one.get("is_dir"))) for page in pages for one in page.get("files", [])]

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        name = "/".join(part for part in (artifact_path, Path(local_path).name) if part)
        place = self._proxied(run_id)
        if place is None:
            self._mlflow_client.log_artifact(run_id, local_path, artifact_path)
        elif self.folder is not None:
            copy_file(Path(local_path), self.folder / place / name)
        else:
            kind = {"Content-Type": mimetypes.guess_type(name)[0] or "application/octet-stream"}
            with Path(local_path).open("rb") as file:
                self.rest.send("PUT", PROXY + quote(f"{place}/{name}"), TRANSFER_TIMEOUT, data=file, headers=kind)

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        folder = Path(local_dir)
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            below = (artifact_path or "", *file.relative_to(folder).parent.parts)
            self.log_artifact(run_id, str(file), "/".join(part for part in below if part) or None)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        *folder, name = artifact_file.split("/")
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / name
            file.write_text(text, encoding="utf-8")
            self.log_artifact(run_id, str(file), "/".join(folder) or None)

    def download_artifacts(self, run_id: str, path: str, dst_path: str) -> str:
        place = self._proxied(run_id)
        if place is None:
            return str(self._mlflow_client.download_artifacts(run_id, path, dst_path))
        location, target = PROXY + quote(f"{place}/{path}"), Path(dst_path) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.rest.send("GET", location, TRANSFER_TIMEOUT, stream=True) as answer, target.open("wb") as file:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
        return str(target)

    def _proxied(self, run_id: str) -> str | None:
        """The folder of a run's artifacts on a server that passes them on; None for a storage that it only names."""
        if run_id not in self.locations:
            self.locations[run_id] = self.rest.get("runs/get", run_id=run_id)["run"]["info"]["artifact_uri"]
        place = urlsplit(self.locations[run_id])
        proxied = place.scheme == "mlflow-artifacts" and not place.netloc
        return place.path.strip("/") if proxied else None

    @cached_property
    def _mlflow_client(self) -> "MlflowClient":
        """Knows every storage; its import takes seconds."""
        from mlflow import MlflowClient

        return MlflowClient(self.rest.uri)

"""Downloads artifacts of runs."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.paths import Store
from ablate.track.client import connect
from ablate.track.server import FOLDER
from ablate.track.ui import reading_address

if TYPE_CHECKING:
    from mlflow import MlflowClient


def download_artifact(client: "MlflowClient", run_id: str, file: str, folder: Path) -> Path | None:
    """Download an artifact of a run into a folder, in one step; None where the run has none of that name."""
    from mlflow.exceptions import MlflowException

    if file not in {artifact.path for artifact in client.list_artifacts(run_id)}:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as part:
        try:
            downloaded = Path(client.download_artifacts(run_id, file, part))
        except MlflowException:
            return None
        return downloaded.replace(folder / file)


def fetch(store: Store, run_id: str, file: str, folder: Path) -> Path | None:
    """An artifact of a run as a local file, downloaded into the folder unless the store holds it; None without one.

    No server is started: where none runs, the files of the embedded server are read from the store.
    """
    from mlflow.exceptions import MlflowException

    address = reading_address(store)
    if not address or address.startswith("sqlite:"):
        return next(iter(store.mlflow.glob(f"{FOLDER}/*/{run_id}/artifacts/{file}")), None)
    try:
        return download_artifact(connect(address), run_id, file, folder)
    except MlflowException:  # there is no such run
        return None


def text(store: Store, run_id: str, file: str) -> str:
    """A text artifact of a run, empty where it has none of that name."""
    with tempfile.TemporaryDirectory() as folder:
        found = fetch(store, run_id, file, Path(folder))
        return found.read_text(encoding="utf-8") if found else ""

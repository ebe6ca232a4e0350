"""Files that MLflow keeps, fetched back."""

import tempfile
from pathlib import Path

from ablate.track.client import connect


def fetch(uri: str, run_id: str, file: str, folder: Path) -> Path | None:
    """Bring an artifact of a run into a folder, whole; None where the run has none of that name."""
    from mlflow.exceptions import MlflowException

    client = connect(uri)
    if file not in {artifact.path for artifact in client.list_artifacts(run_id)}:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as part:
        try:
            here = Path(client.download_artifacts(run_id, file, part))
        except MlflowException:
            return None
        return here.replace(folder / file)


def text(uri: str, run_id: str, file: str) -> str:
    """A text artifact of a run; empty where it has none of that name."""
    with tempfile.TemporaryDirectory() as folder:
        here = fetch(uri, run_id, file, Path(folder))
        return here.read_text() if here else ""

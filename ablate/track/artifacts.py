"""Files that MLflow keeps, fetched back."""

import tempfile
from pathlib import Path

from ablate.paths import Store
from ablate.track.client import connect
from ablate.track.server import FOLDER
from ablate.track.ui import reading_address


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


def text(store: Store, run_id: str, file: str) -> str:
    """A text artifact of a run, empty where it has none of that name; nothing is started to read it."""
    address = reading_address(store)
    if address.startswith("sqlite:"):  # nobody serves, but the embedded server's files lie in the store
        return "".join(here.read_text() for here in store.mlflow.glob(f"{FOLDER}/*/{run_id}/artifacts/{file}"))
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch(address, run_id, file, Path(folder))
        return fetched.read_text() if fetched else ""

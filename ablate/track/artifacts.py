"""Downloads artifacts of runs."""

import tempfile
from pathlib import Path

from ablate.paths import Store
from ablate.track.client import SQLITE, connect, refused
from ablate.track.client_interface import Client
from ablate.track.retry import is_service_error, service_error
from ablate.track.ui import reading_address


def download_artifact(client: Client, run_id: str, file: str, folder: Path) -> Path | None:
    """Download an artifact of a run into a folder, in one step; None where the run has none of that name."""
    if file not in {artifact.path for artifact in client.list_artifacts(run_id)}:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as part:
        try:
            downloaded = Path(client.download_artifacts(run_id, file, part))
        except Exception as error:  # raised again, unless the server has no such file
            if refused(error):
                return None
            raise
        return downloaded.replace(folder / file)


def fetch(store: Store, run_id: str, file: str, folder: Path) -> Path | None:
    """An artifact of a run as a local file, downloaded into the folder unless the store holds it; None without one.

    No server is started: where none runs, the files of the embedded server are read from the store.
    """
    address = reading_address(store)
    if not address or address.startswith(SQLITE):
        return next(iter(store.artifacts.glob(f"*/{run_id}/artifacts/{file}")), None)
    try:
        return download_artifact(connect(address), run_id, file, folder)
    except Exception as error:  # raised again, unless it came from the client or the network
        if refused(error):  # there is no such run
            return None
        if not is_service_error(error):
            raise
        raise service_error(error, address) from None


def text(store: Store, run_id: str, file: str) -> str:
    """A text artifact of a run, empty where it has none of that name."""
    with tempfile.TemporaryDirectory() as folder:
        found = fetch(store, run_id, file, Path(folder))
        return found.read_text(encoding="utf-8") if found else ""

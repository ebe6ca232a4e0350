"""Uploading the records that could not be sent to MLflow during a launch."""

from ablate.driver.status import check_launched
from ablate.errors import ServiceError
from ablate.paths import Store
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import ensure_server


def upload_rest(store: Store, study: str) -> str:
    """Upload a study's spools and bring its runs up to date; returns the line to print.

    Raises ServiceError where records are left.
    """
    check_launched(store, study)
    server = ensure_server(store)
    try:
        tracking = MlflowStore(server.uri)
        left = tracking.upload(store.study(study))
        if left:
            raise ServiceError(f"{len(left)} trials still wait for MLflow", "see whether the server runs", server.uri)
        tracking.settle(study)
    finally:
        server.stop()
    return f"MLflow has everything of '{study}'"

"""Uploading the records that could not be sent to MLflow during a launch."""

from ablate.driver.status import check_launched
from ablate.errors import ServiceError
from ablate.interrupts import handled
from ablate.paths import Store
from ablate.permissions import store_permissions
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import ensure_server


def upload_rest(store: Store, study: str) -> str:
    """Upload a study's spools and bring its runs up to date; returns the line to print.

    Raises ServiceError where records are left.
    """
    check_launched(store, study)
    with handled(), store_permissions(store):
        upload_to_server(store, study)
    return f"MLflow has everything of '{study}'"


def upload_to_server(store: Store, study: str) -> None:
    """Start the server, or find it running, and upload to it."""
    server = ensure_server(store)
    try:
        tracking = MlflowStore(server.uri)
        left = tracking.upload(store.study(study))
        if left:
            raise ServiceError(f"{len(left)} trials still wait for MLflow", "see whether the server runs", server.uri)
        tracking.settle(study)
    finally:
        server.stop()

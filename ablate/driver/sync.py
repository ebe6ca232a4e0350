"""Records that MLflow did not get while it was away."""

from ablate.driver.status import check_launched
from ablate.errors import ServiceError
from ablate.paths import Store
from ablate.track.aggregate import aggregate
from ablate.track.mlflow_store import MlflowStore
from ablate.track.sender import deliver
from ablate.track.server import ensure_server


def send_rest(store: Store, study: str) -> str:
    """Send what waits in a study's spools."""
    check_launched(store, study)
    server = ensure_server(store)
    try:
        left = deliver(server.uri, store.study(study))
        if left:
            raise ServiceError(f"{len(left)} trials still wait for MLflow", "see whether the server runs", server.uri)
        mlflow_store = MlflowStore(server.uri)
        mlflow_store.reconcile(study)
        aggregate(mlflow_store, study)
    finally:
        server.stop()
    return f"MLflow has everything of '{study}'"

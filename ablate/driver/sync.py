"""Uploading the records that could not be sent to MLflow during a launch."""

from ablate.driver.claiming import live_launch
from ablate.driver.status import check_launched
from ablate.errors import ServiceAway, ServiceError
from ablate.events import State
from ablate.interrupts import handled
from ablate.paths import Store, StudyPaths
from ablate.permissions import store_permissions
from ablate.plural import counted
from ablate.track.mlflow_store import MlflowStore
from ablate.track.sent import has_unsent
from ablate.track.server import ensure_server


def upload_rest(store: Store, study: str) -> str:
    """Upload a study's spools and bring its runs up to date; returns the line to print.

    A launch in progress brings its runs up to date itself: then only this store's records are uploaded.  Raises
    ServiceError where records are left.
    """
    check_launched(store, study)
    with handled(), store_permissions(store):
        return upload_to_server(store, study)


def upload_to_server(store: Store, study: str) -> str:
    """Start the server, or find it running, and upload to it; returns the line to print."""
    server = ensure_server(store)
    try:
        tracking, paths = MlflowStore(server.uri), store.study(study)
        left = tracking.upload(paths)
        if left:
            waiting = counted(len(left), "trial still waits", "trials still wait")
            raise ServiceAway(f"{waiting} for MLflow", "see whether the server runs", server.uri)
        if (launch := live_launch(tracking, study, paths)) is not None:
            return f"MLflow has what this store holds of '{study}', which is being launched by {launch}"
        snapshot = tracking.settle(study)
        if snapshot.study_state is State.RUNNING:  # the process that launched it was killed
            tracking.close_study(study, State.KILLED, snapshot)
    finally:
        server.stop()
    return f"MLflow has everything of '{study}'"


def with_waiting_records(error: ServiceError, paths: StudyPaths, study: str) -> ServiceError:
    """The error with which a launch ends, and how the records that MLflow does not have are sent later."""
    waiting = sum(has_unsent(paths.trial(spool.parent.name)) for spool in paths.trials.glob("*/spool.jsonl"))
    if not waiting:
        return error
    kept = f"the records of {counted(waiting, 'trial')} are kept: send them with ablate sync {study}"
    return type(error)(error.problem, f"{error.remedy}; {kept}" if error.remedy else kept, error.place)

"""Stopping a launch from any process that sees its store."""

from ablate.driver.launch_lock import owner_of
from ablate.errors import StudyError
from ablate.paths import Store


def ask_to_stop(store: Store, study: str) -> str:
    """Request that the launch of a study write checkpoints and stop; returns the line to print.

    Raises StudyError where no launch of the study runs.
    """
    paths = store.study(study)
    owner = owner_of(paths.lock)
    if owner is None:
        raise StudyError(f"'{study}' is not being launched", "there is nothing to stop", str(paths.lock))
    paths.stop.touch()
    return f"{owner} was asked to checkpoint and stop; launch {study} again to go on"

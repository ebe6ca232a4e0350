"""Stopping a launch from any process that sees its store."""

from ablate.driver.launch_lock import owner_of
from ablate.errors import StudyError
from ablate.paths import Store


def ask_to_stop(store: Store, study: str) -> str:
    """Ask the launch of a study to write checkpoints and stop; a sentence that says so.

    Raises StudyError where no launch of the study runs.
    """
    paths = store.study(study)
    owner = owner_of(paths.lock)
    if owner is None:
        raise StudyError(f"'{study}' is not being launched", "there is nothing to stop", str(paths.lock))
    paths.stop.touch()
    return f"{owner} was asked to checkpoint and stop; launch {study} again to go on"

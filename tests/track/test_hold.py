"""One process works on a trial, and death is letting go."""

import os
import time
from collections.abc import Callable

import pytest

from ablate.errors import ServiceError
from ablate.paths import StudyPaths
from ablate.track.hold import hold


def test_a_trial_is_held_by_one_and_named_to_the_other(paths: StudyPaths) -> None:
    with hold(paths.trial("k")), pytest.raises(ServiceError, match=f"process {os.getpid()} on"), hold(paths.trial("k")):
        pass
    with hold(paths.trial("k")):
        pass


def test_a_killed_process_lets_go(
    paths: StudyPaths, in_child: Callable[..., int], eventually: Callable[..., None]
) -> None:
    def work() -> None:
        with hold(paths.trial("k")):
            (paths.trial("k").folder / "held").touch()
            time.sleep(60)

    child = in_child(work)
    eventually((paths.trial("k").folder / "held").exists)
    with pytest.raises(ServiceError), hold(paths.trial("k")):
        pass
    os.kill(child, 9)
    with hold(paths.trial("k"), patience=30):
        pass


def test_a_lock_whose_folder_was_removed_is_not_the_lock(paths: StudyPaths) -> None:
    trial = paths.trial("k")
    with hold(trial):
        trial.folder.rename(trial.folder.with_name("gone"))
        with hold(trial):
            assert trial.lock.exists()

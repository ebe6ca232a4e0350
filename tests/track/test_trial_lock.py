"""The lock of a trial."""

import os
import time
from collections.abc import Callable

import pytest

from ablate.errors import ServiceError
from ablate.paths import StudyPaths
from ablate.track.trial_lock import lock_trial


def test_a_second_lock_of_a_trial_is_refused_with_the_holders_name(paths: StudyPaths) -> None:
    trial = paths.trial("k")
    with lock_trial(trial), pytest.raises(ServiceError, match=f"process {os.getpid()} on"), lock_trial(trial):
        pass
    with lock_trial(trial):
        pass


def test_a_killed_process_releases_its_lock(
    paths: StudyPaths, in_child: Callable[..., int], eventually: Callable[..., None]
) -> None:
    def work() -> None:
        with lock_trial(paths.trial("k")):
            (paths.trial("k").folder / "held").touch()
            time.sleep(60)  # it is killed before

    child = in_child(work)
    eventually((paths.trial("k").folder / "held").exists)
    with pytest.raises(ServiceError), lock_trial(paths.trial("k")):
        pass
    os.kill(child, 9)
    with lock_trial(paths.trial("k"), patience=30):
        pass


def test_a_lock_in_a_folder_that_was_renamed_is_not_the_trials_lock(paths: StudyPaths) -> None:
    trial = paths.trial("k")
    with lock_trial(trial):
        trial.folder.rename(trial.folder.with_name("gone"))
        with lock_trial(trial):
            assert trial.lock.exists()

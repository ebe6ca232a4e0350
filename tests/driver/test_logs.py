"""The logs of trials that MLflow does not have yet: which trial is meant, and what has been printed so far."""

from pathlib import Path

import pytest

from ablate.driver.launch_lock import launching
from ablate.driver.logs import find_trial, follow_log, trial_log
from ablate.driver.saved_plan import PLAN_CODEC, SavedPlan
from ablate.errors import StudyError
from ablate.events import State
from ablate.paths import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store in which two studies were launched, without a run in MLflow."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = Store(tmp_path)
    for study, names in {
        "one": {"aa1": "k=1 · seed 0", "ab2": "k=2 · seed 0"},
        "two": {"aa1": "k=1 · seed 0", "c3": "k=3"},
    }.items():
        store.study(study).folder.mkdir(parents=True)
        store.study(study).plan.write_text(PLAN_CODEC.encode(SavedPlan(names, 0)))
    return store


def test_a_waiting_trial_is_found_and_has_no_log(store: Store) -> None:
    found = trial_log(store, "k=3")
    assert (found.trial.study, found.trial.key, found.trial.state) == ("two", "c3", State.WAITING)
    assert (found.log, found.traceback) == ("", "")


def test_a_trial_is_found_by_its_key_the_beginning_of_its_key_and_its_name(store: Store) -> None:
    assert {find_trial(store, text).key for text in ("ab2", "ab", "k=2 · seed 0")} == {"ab2"}
    assert find_trial(store, "aa1", "two").study == "two"


def test_what_fits_several_trials_or_none_is_refused(store: Store) -> None:
    with pytest.raises(StudyError, match=r"2 trials fit 'aa1'; write a whole key, or --study: aa1 of one, aa1 of two"):
        find_trial(store, "aa1")
    with pytest.raises(StudyError, match="3 trials fit 'a'"):
        find_trial(store, "a")
    with pytest.raises(StudyError, match="no trial is called 'x'"):
        find_trial(store, "x")
    with pytest.raises(StudyError, match="no trial is named"):
        find_trial(store, "")
    with pytest.raises(StudyError, match="no study 'three' was ever launched here"):
        find_trial(store, "aa1", "three")


def test_a_log_is_followed_until_the_trial_has_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ablate.driver.logs.POLL", 0.0)
    paths = store.study("two")
    files = paths.trial("c3")
    files.folder.mkdir(parents=True)
    files.log.write_text("epoch 1\n")
    with launching(paths.lock, "two"):
        printed = follow_log(store, "c3")
        assert next(printed) == "epoch 1\n"
        files.log.write_text("epoch 1\nepoch 2 \N{GREEK SMALL LETTER EPSILON}\n", encoding="utf-8")
        assert next(printed) == "epoch 2 ε\n"
    files.traceback.write_text("Traceback\n")
    assert "".join(printed) == "Traceback\n"

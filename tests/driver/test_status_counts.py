"""How many trials of a search `ablate status` counts, while it runs and after it was killed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ablate.driver.saved_plan import PLAN_CODEC, SavedPlan
from ablate.driver.status import left_by_earlier_settings, to_propose
from ablate.events import State
from ablate.paths import Store
from ablate.record import TrialRecord
from ablate.testing.plans import record_of
from ablate.track.spool import SpoolTracker
from ablate.trial import Trial

PLANNED, OTHER, PROPOSED, PRETRAINED = range(4)  # seeds


@pytest.fixture
def records(make_trial: Callable[..., Trial]) -> Mapping[int, TrialRecord]:
    trials = {seed: make_trial(seed) for seed in range(4)}
    trials[PRETRAINED] = replace(trials[PRETRAINED], case="pretraining")
    return {seed: record_of(trial) for seed, trial in trials.items()}


def test_trials_that_were_proposed_since_the_plan_was_saved_are_not_counted_again(
    records: Mapping[int, TrialRecord],
) -> None:
    plan = SavedPlan({records[PLANNED].key: "planned"}, 5, (records[OTHER].key,))
    by_key = {record.key: record for record in records.values()}
    assert to_propose(plan, by_key) == 4
    assert to_propose(plan, {records[PLANNED].key: records[PLANNED], records[OTHER].key: records[OTHER]}) == 5
    assert to_propose(replace(plan, proposals=0), by_key) == 0


def test_a_plan_that_was_saved_without_other_trials_can_be_read() -> None:
    text = PLAN_CODEC.encode(SavedPlan({"key": "name"}, 3))
    assert PLAN_CODEC.decode(text.replace(',"others":[]', "").replace(', "others": []', "")) == SavedPlan(
        {"key": "name"}, 3
    )


def test_unfinished_trials_that_a_change_of_the_study_left_count_as_such_once_mlflow_has_their_records(
    make_trial: Callable[..., Trial], tmp_path: Path
) -> None:
    paths = Store(tmp_path).study("small")
    left, finished, unsent, planned = (make_trial(seed) for seed in range(4))
    paths.trial(unsent.key).folder.mkdir(parents=True)
    with SpoolTracker(paths) as tracker:
        tracker.start(unsent)
    plan = SavedPlan({planned.key: "planned"}, 0, (left.key, finished.key, unsent.key))
    states = {trial.key: State.KILLED for trial in (left, unsent, planned)} | {finished.key: State.FINISHED}
    assert left_by_earlier_settings(plan, states, paths) == {left.key}
    assert left_by_earlier_settings(SavedPlan({}, 0), states, paths) == set()

"""What a launch does about a trial follows from what MLflow has of it."""

from dataclasses import replace

import pytest

from ablate.driver.agenda import agenda
from ablate.run import probe_digests
from ablate.track.mlflow_store import TrialRecord
from ablate.trial import Config, Trial

TRIAL = Trial(Config("invariant", "1", {}, "digits", "1", {}, 0), {"linear": {"epochs": 5}, "knn": {}}, "small")
OTHER = replace(TRIAL, config=replace(TRIAL.config, seed=1))
KNOWN = TrialRecord(
    run_id="run",
    key=TRIAL.key,
    variant=TRIAL.variant,
    seed=0,
    status="FINISHED",
    probes=probe_digests(TRIAL),
    metrics={},
    levels={},
    params={},
    trial=TRIAL,
    reason="",
    started=0.0,
    ended=1.0,
    parent="parent",
)


@pytest.mark.parametrize(
    ("status", "retry", "standing", "run"),
    [
        (None, False, "new", True),
        ("FINISHED", False, "finished", False),
        ("FINISHED", True, "finished", False),
        ("FAILED", False, "failed", False),
        ("FAILED", True, "resume", True),
        ("KILLED", False, "resume", True),
        ("RUNNING", False, "resume", True),
    ],
)
def test_a_trial_stands_as_mlflow_says(status: str | None, retry: bool, standing: str, run: bool) -> None:
    known = {TRIAL.key: replace(KNOWN, status=status)} if status else {}
    (item,) = agenda([TRIAL], known, retry)
    assert (item.standing, item.run, item.order, item.known) == (standing, run, TRIAL, known.get(TRIAL.key))


def test_a_probe_without_a_score_is_scored_and_no_other() -> None:
    known = replace(KNOWN, probes={"linear": probe_digests(TRIAL)["linear"]})
    (item,) = agenda([TRIAL], {TRIAL.key: known})
    assert (item.standing, item.run) == ("rescore", True)
    assert item.order == replace(TRIAL, probes={"knn": {}})


def test_a_probe_with_other_settings_is_scored_again() -> None:
    changed = replace(TRIAL, probes={"linear": {"epochs": 6}, "knn": {}})
    (item,) = agenda([changed], {TRIAL.key: KNOWN})
    assert item.standing == "rescore"
    assert item.order.probes == {"linear": {"epochs": 6}}
    assert item.trial == changed


def test_a_probe_of_an_earlier_revision_is_scored_again() -> None:
    known = replace(KNOWN, probes={**KNOWN.probes, "knn": "an earlier one's"})
    (item,) = agenda([TRIAL], {TRIAL.key: known})
    assert item.order.probes == {"knn": {}}


def test_a_probe_that_is_left_out_changes_nothing() -> None:
    (item,) = agenda([replace(TRIAL, probes={"knn": {}})], {TRIAL.key: KNOWN})
    assert item.standing == "finished"


def test_an_unfinished_trial_is_scored_by_all_probes() -> None:
    (item,) = agenda([TRIAL], {TRIAL.key: replace(KNOWN, status="KILLED", probes={"linear": "whatever"})})
    assert (item.standing, item.order) == ("resume", TRIAL)


def test_an_agenda_keeps_the_order_of_the_plan() -> None:
    items = agenda([OTHER, TRIAL], {TRIAL.key: KNOWN})
    assert [(item.trial, item.standing) for item in items] == [(OTHER, "new"), (TRIAL, "finished")]

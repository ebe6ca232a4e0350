"""What a launch does about a trial follows from what MLflow has of it."""

from dataclasses import replace

import pytest

from ablate.driver.agenda import agenda
from ablate.run import probe_digests
from ablate.spec.trial import Job, Trial
from ablate.track.ledger import Known

JOB = Job(Trial("invariant", "1", {}, "digits", "1", {}, 0), {"linear": {"epochs": 5}, "knn": {}}, "small")
OTHER = replace(JOB, trial=replace(JOB.trial, seed=1))
KNOWN = Known(
    run_id="run",
    key=JOB.key,
    variant=JOB.variant,
    seed=0,
    status="FINISHED",
    probes=probe_digests(JOB),
    metrics={},
    levels={},
    params={},
    job=JOB,
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
    known = {JOB.key: replace(KNOWN, status=status)} if status else {}
    (item,) = agenda([JOB], known, retry)
    assert (item.standing, item.run, item.order, item.known) == (standing, run, JOB, known.get(JOB.key))


def test_a_probe_without_a_score_is_scored_and_no_other() -> None:
    known = replace(KNOWN, probes={"linear": probe_digests(JOB)["linear"]})
    (item,) = agenda([JOB], {JOB.key: known})
    assert (item.standing, item.run) == ("rescore", True)
    assert item.order == replace(JOB, probes={"knn": {}})


def test_a_probe_with_other_settings_is_scored_again() -> None:
    changed = replace(JOB, probes={"linear": {"epochs": 6}, "knn": {}})
    (item,) = agenda([changed], {JOB.key: KNOWN})
    assert item.standing == "rescore"
    assert item.order.probes == {"linear": {"epochs": 6}}
    assert item.job == changed


def test_a_probe_of_an_earlier_revision_is_scored_again() -> None:
    known = replace(KNOWN, probes={**KNOWN.probes, "knn": "an earlier one's"})
    (item,) = agenda([JOB], {JOB.key: known})
    assert item.order.probes == {"knn": {}}


def test_a_probe_that_is_left_out_changes_nothing() -> None:
    (item,) = agenda([replace(JOB, probes={"knn": {}})], {JOB.key: KNOWN})
    assert item.standing == "finished"


def test_an_unfinished_trial_is_scored_by_all_probes() -> None:
    (item,) = agenda([JOB], {JOB.key: replace(KNOWN, status="KILLED", probes={"linear": "whatever"})})
    assert (item.standing, item.order) == ("resume", JOB)


def test_an_agenda_keeps_the_order_of_the_plan() -> None:
    items = agenda([OTHER, JOB], {JOB.key: KNOWN})
    assert [(item.job, item.standing) for item in items] == [(OTHER, "new"), (JOB, "finished")]

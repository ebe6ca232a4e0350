"""A trial's key is a hash of all that decides its result, and of nothing else."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.settings import Value
from ablate.spec.trial import Job, Trial, brief

TRIAL = Trial(
    method="invariant",
    revision="1",
    settings={"k": 100, "epsilon": 2.0},
    dataset="digits",
    version="1",
    training={"epochs": 10},
    seed=0,
)
JOB = Job(TRIAL, {"linear": {"epochs": 100}}, "radius", {"method.epsilon": 2})

OTHERWISE: dict[str, Any] = {
    "method": "simclr",
    "revision": "2",
    "settings": {"k": 100, "epsilon": 2.5},
    "dataset": "mnist",
    "version": "2",
    "training": {"epochs": 11},
    "seed": 1,
    "first": TRIAL,
}


@pytest.mark.parametrize("field", [field.name for field in fields(Trial)])
def test_whatever_decides_the_result_changes_the_key(field: str) -> None:
    assert replace(TRIAL, **{field: OTHERWISE[field]}).key != TRIAL.key


@pytest.mark.parametrize(
    "settings",
    [{"k": 101, "epsilon": 2.0}, {"k": 100}, {"k": 100, "epsilon": 2.0, "xi": 1.0}, {"k": 100, "epsilon": "2.0"}],
    ids=["another value", "one less", "one more", "another type"],
)
def test_every_setting_changes_the_key(settings: dict[str, Value]) -> None:
    assert replace(TRIAL, settings=settings).key != TRIAL.key


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, study="another"),
        replace(JOB, levels={"method.k": 100}),
        replace(JOB, case="digits"),
        replace(JOB, probes={"linear": {"epochs": 5}, "knn": {}}),
        replace(JOB, trial=replace(TRIAL, settings={"epsilon": 2.0, "k": 100})),
    ],
    ids=["the study", "what varies", "the case", "the probes", "the order of settings"],
)
def test_what_only_names_or_scores_a_trial_leaves_its_key(job: Job) -> None:
    assert job.key == JOB.key


def test_the_key_is_the_same_tomorrow() -> None:
    """Keys are how finished trials are known: a change here runs every study again."""
    assert TRIAL.key == "af400458649712dd"


def test_a_variant_is_a_trial_without_its_seed() -> None:
    assert replace(JOB, trial=replace(TRIAL, seed=7)).variant == JOB.variant
    assert replace(JOB, trial=replace(TRIAL, dataset="mnist")).variant != JOB.variant


def test_seeds_of_a_variant_share_the_variant_of_their_first_phase() -> None:
    second = replace(JOB, trial=replace(TRIAL, method="vte", first=TRIAL))
    other = replace(second, trial=second.trial.seeded(7))
    assert other.trial.first == TRIAL.seeded(7)
    assert other.variant == second.variant
    assert Job.from_json(json.loads(json.dumps(other.to_json()))) == other


def test_people_know_a_trial_by_what_varies() -> None:
    assert JOB.name == "epsilon=2 · seed 0"
    assert replace(JOB, levels={"method.epsilon": 2, "training.epochs": 5}).variant_name == "epsilon=2, epochs=5"
    assert replace(JOB, case="fsdd").name == "fsdd, epsilon=2 · seed 0"
    assert replace(JOB, levels={}).variant_name == "invariant on digits"


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
SETTINGS = st.dictionaries(st.text(min_size=1), VALUES)
TRIALS = st.builds(Trial, st.text(), st.text(), SETTINGS, st.text(), st.text(), SETTINGS, st.integers(0))
JOBS = st.builds(Job, TRIALS, st.dictionaries(st.text(), SETTINGS), st.text(), SETTINGS, st.text())


@given(job=JOBS)
def test_a_job_survives_json_with_its_key(job: Job) -> None:
    again = Job.from_json(json.loads(json.dumps(job.to_json())))
    assert again == job
    assert (again.key, again.variant) == (job.key, job.variant)


@given(one=TRIALS, other=TRIALS)
def test_trials_share_a_key_only_where_they_are_equal(one: Trial, other: Trial) -> None:
    if one.key == other.key:
        assert one == other


def test_a_name_bears_no_seventeen_digits() -> None:
    assert brief(0.12345678901234567) == "0.1235"
    assert [brief(level) for level in (2, 0.5, 1e-05, "vat", True)] == ["2", "0.5", "1e-05", "vat", "True"]

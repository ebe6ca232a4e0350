"""The work left for a trial by its record, and the sums of a plan."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.events import ProbeFailure, State
from ablate.launch_config import Outcome
from ablate.planning.outcomes import outcomes_of
from ablate.planning.plan import Plan, Work, make_plan, plan_trial
from ablate.planning.probe_digests import probe_digests
from ablate.planning.resolve import resolve, resolve_proposal
from ablate.planning.resources import Node
from ablate.planning.scores import without_failed_scores
from ablate.planning.valid_study import validate
from ablate.record import TrialRecord
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.testing.plans import record_of
from ablate.trial import Config, Trial

from .small_study import NODES, STUDY

TRIAL = Trial(Config("invariant", "1", {}, "digits", "1", {}, 0), {"linear": {"epochs": 5}, "knn": {}}, "small")


def record(trial: Trial, state: State = State.FINISHED, **changes: Any) -> TrialRecord:
    """The record of a trial that all its probes have scored."""
    return replace(record_of(trial, state), **{"probes": probe_digests(trial), **changes})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "small.yaml").write_text(STUDY, encoding="utf-8")
    return read_study(tmp_path / "small.yaml")


@pytest.mark.parametrize(
    ("state", "retry", "work"),
    [
        (None, False, Work.TRAIN),
        (State.FINISHED, False, Work.NOTHING),
        (State.FINISHED, True, Work.NOTHING),
        (State.FAILED, False, Work.NOTHING),
        (State.FAILED, True, Work.RESUME),
        (State.OUT_OF_MEMORY, False, Work.NOTHING),
        (State.OUT_OF_MEMORY, True, Work.RESUME),
        (State.PRUNED, False, Work.NOTHING),
        (State.PRUNED, True, Work.NOTHING),
        (State.KILLED, False, Work.RESUME),
        (State.STOPPED, False, Work.RESUME),
        (State.RUNNING, False, Work.RESUME),
    ],
)
def test_work_follows_from_the_recorded_state(state: State | None, retry: bool, work: Work) -> None:
    found = record(TRIAL, state) if state else None
    planned = plan_trial(TRIAL, found, retry)
    assert (planned.work, planned.to_run) == (work, TRIAL)
    assert planned.state == (state if work is Work.NOTHING else State.WAITING)


def test_only_probes_without_a_score_are_run() -> None:
    planned = plan_trial(TRIAL, record(TRIAL, probes={"linear": probe_digests(TRIAL)["linear"]}), retry=False)
    assert planned.work is Work.SCORE
    assert planned.to_run == replace(TRIAL, probes={"knn": {}})
    assert planned.probes == {"knn": probe_digests(TRIAL)["knn"]}


def test_a_probe_with_other_settings_is_scored_again() -> None:
    changed = replace(TRIAL, probes={"linear": {"epochs": 6}, "knn": {}})
    planned = plan_trial(changed, record(TRIAL), retry=False)
    assert planned.work is Work.SCORE
    assert planned.to_run.probes == {"linear": {"epochs": 6}}


def test_a_probe_of_an_earlier_revision_is_scored_again() -> None:
    found = record(TRIAL, probes={**probe_digests(TRIAL), "knn": "digest of an earlier revision"})
    assert plan_trial(TRIAL, found, retry=False).to_run.probes == {"knn": {}}


def test_recorded_scores_of_other_probes_are_ignored() -> None:
    assert plan_trial(replace(TRIAL, probes={"knn": {}}), record(TRIAL), retry=False).work is Work.NOTHING


def test_an_unfinished_trial_is_scored_by_all_probes() -> None:
    planned = plan_trial(TRIAL, record(TRIAL, State.KILLED, probes={"linear": "any"}), retry=False)
    assert (planned.work, planned.to_run) == (Work.RESUME, TRIAL)


def test_a_plan_counts_every_trial_once(study: Study) -> None:
    trials = resolve(study)
    records = {
        trials[0].key: record(trials[0]),
        trials[1].key: record(trials[1], State.FAILED, reason="loss is not finite at step 3"),
    }
    plan = make_plan(study, trials, records, NODES)
    assert [planned.trial for planned in plan.trials] == list(trials)
    assert [planned.trial for planned in plan.left] == list(trials[2:])
    assert (plan.total, plan.count(State.FINISHED), plan.slots, plan.pack_count) == (4, 1, 2, 2)
    assert plan.failed == {trials[1].name: "loss is not finite at step 3"}
    assert [trial for pack in plan.packs for trial in pack] == list(trials[2:])


def test_with_retry_a_failed_trial_is_run_again(study: Study) -> None:
    trials = resolve(study)
    plan = make_plan(study, trials, {trials[0].key: record(trials[0], State.FAILED)}, NODES, retry=True)
    assert [planned.trial for planned in plan.left] == list(trials)
    assert plan.failed == {}


def test_a_probe_that_failed_is_run_again_alone_and_on_retry_only() -> None:
    trial = replace(TRIAL, probes={"linear": {"epochs": 5}, "size": {}})
    digests = probe_digests(trial)
    failed = {"size": ProbeFailure(digests["size"], "no weights")}
    held = replace(record(trial, probes={"linear": digests["linear"]}), failed_probes=failed)
    planned, again = (plan_trial(trial, held, retry) for retry in (False, True))
    assert (planned.work, planned.failed_probes) == (Work.NOTHING, {"size": "no weights"})
    assert (again.work, again.to_run.probes, again.failed_probes) == (Work.SCORE, {"size": {}}, {})


def test_a_probe_that_failed_with_other_settings_is_run_and_a_new_probe_does_not_run_it_again() -> None:
    trial = replace(TRIAL, probes={"linear": {"epochs": 5}, "size": {}, "knn": {}})
    digests = probe_digests(trial)
    scored = {"linear": digests["linear"]}
    for digest, probes in (("another", {"size", "knn"}), (digests["size"], {"knn"})):
        held = replace(record(trial, probes=scored), failed_probes={"size": ProbeFailure(digest, "no weights")})
        assert set(plan_trial(trial, held, retry=False).to_run.probes) == probes


def test_scores_of_former_settings_are_left_out_where_the_probe_has_failed_since() -> None:
    trial = replace(TRIAL, probes={"linear": {"epochs": 5}})
    digests = probe_digests(trial)
    held = replace(record(trial, probes={"linear": "former"}), metrics={"linear/accuracy": 0.5, "train/loss": 1.0})
    failed = replace(held, failed_probes={"linear": ProbeFailure(digests["linear"], "diverged")})
    assert without_failed_scores([trial], {trial.key: held}) == {trial.key: held}
    found = without_failed_scores([trial], {trial.key: failed})[trial.key]
    assert (found.metrics, found.unscored) == ({"train/loss": 1.0}, {"linear": "diverged"})


def test_a_plan_without_nodes_has_no_slots(study: Study) -> None:
    assert make_plan(study, resolve(study), {}, ()).slots == 0


def test_a_plan_that_no_node_has_room_for_is_refused(study: Study) -> None:
    with pytest.raises(StudyError, match="no node has as much"):
        make_plan(study, resolve(study), {}, [Node("small", 0.5, 0)])


def test_the_packs_of_a_search_hold_only_trials_that_are_left_to_score(
    search_study: Callable[..., Study],
) -> None:
    study = search_study("search.trials=3")
    trials = resolve_proposal(study, {"method.epsilon": 1.0, "training.learning_rate": 0.001})
    records = {trials[0].key: record(trials[0], probes={})}
    plan: Plan = make_plan(study, trials, records, NODES)
    assert (plan.total, plan.proposals) == (6, 4)
    assert plan.packs == ((trials[0],),)
    assert [planned.work for planned in plan.trials] == [Work.SCORE, Work.TRAIN]


def test_outcomes_hold_the_trials_that_ended(search_study: Callable[..., Study]) -> None:
    study = search_study()
    others = [replace(TRIAL, config=replace(TRIAL.config, seed=seed)) for seed in range(4)]
    states = [State.FINISHED, State.FAILED, State.PRUNED, State.RUNNING]
    records = {
        trial.key: record(trial, state, metrics={"linear/accuracy": 0.5})
        for trial, state in zip(others, states, strict=True)
    }
    keys = [trial.key for trial in others]
    finished = Outcome(State.FINISHED, {"linear/accuracy": 0.5})
    failed, pruned = Outcome(State.FAILED), Outcome(State.PRUNED)
    assert outcomes_of(study, records, retry=False) == {keys[0]: finished, keys[1]: failed, keys[2]: pruned}
    assert outcomes_of(study, records, retry=True) == {keys[0]: finished, keys[2]: pruned}


@pytest.mark.parametrize(
    ("space", "proposals"),
    [
        ("{method.k: {low: 10, high: 12}}", 3),
        ("{method.k: {low: 10, high: 14, step: 2}}", 3),
        ("{method.epsilon: {low: 1, high: 2, step: 0.25}}", 5),
        ("{method.transformation: {choices: [rp, vat]}, method.k: {low: 10, high: 11}}", 4),
        (
            "{method.transformation: {choices: [rp, vat]}, method.k: {low: 10, high: 12, when:"
            " {method.transformation: vat}}}",
            4,
        ),
        ("{method.epsilon: {low: 1, high: 2}}", 12),  # a float: infinitely many
    ],
)
def test_a_search_of_a_small_space_is_planned_with_its_settings(
    search_study: Callable[..., Study], space: str, proposals: int
) -> None:
    study = search_study(f"search.space={space}")
    assert make_plan(study, (), {}, ()).proposals == 2 * proposals
    assert validate(study).trials == 2 * proposals

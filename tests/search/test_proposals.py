"""Proposals of a search: run over all seeds, reported once with their mean, and continued after a kill."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from ablate.errors import StudyError
from ablate.launch_config import Outcome
from ablate.options import Value
from ablate.search.journal import open_journal, proposed_trials
from ablate.search.proposals import Proposals
from ablate.study.model import Study
from ablate.trial import Trial

MakeStudy = Callable[..., Study]
Outcomes = dict[str, Outcome]

SMALL = (  # a space of six settings
    "search.space={method.transformation: {choices: [np, rp, vat]}, method.k: {low: 10, high: 20, step: 10}}",
    "search.trials=20",
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "search.log"


def accuracy(trial: Trial) -> float:
    """1 − 0.1 ln² ε + 0.01 · seed: highest at ε = 1."""
    epsilon = trial.config.settings["epsilon"]
    assert isinstance(epsilon, float)
    return 1 - 0.1 * math.log(epsilon) ** 2 + 0.01 * trial.config.seed


def score(trial: Trial) -> dict[str, float]:
    return {"linear/accuracy": accuracy(trial), "linear/train_accuracy": 0.0}


def batches(proposals: Proposals) -> Iterator[tuple[Trial, ...]]:
    """The trials of each proposal, until there is none."""
    while trials := proposals.next():
        yield trials


def run(proposals: Proposals) -> list[tuple[Trial, ...]]:
    """Run a search to its end; the trials of each proposal."""
    returned = []
    for trials in batches(proposals):
        returned.append(trials)
        for trial in trials:
            proposals.record(trial.key, score(trial))
    return returned


def stored_proposals(study: Study, journal: Path) -> list[FrozenTrial]:
    return open_journal(study, journal).trials


def params(study: Study, journal: Path) -> list[dict[str, Value]]:
    return [frozen.params for frozen in stored_proposals(study, journal)]


def names(returned: Sequence[tuple[Trial, ...]]) -> list[str]:
    return [trial.name for trials in returned for trial in trials]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_proposal_has_a_trial_for_every_seed_and_is_reported_with_their_mean(
    search_study: MakeStudy, journal: Path, sampler: str
) -> None:
    study = search_study(f"search.sampler={sampler}")
    returned = run(Proposals(study, journal, {}))
    assert [[trial.config.seed for trial in trials] for trials in returned] == [[0, 1]] * 12
    assert all(first.variant == second.variant for first, second in returned)
    stored = stored_proposals(study, journal)
    assert [frozen.state for frozen in stored] == [TrialState.COMPLETE] * 12
    assert [frozen.value for frozen in stored] == pytest.approx([accuracy(first) + 0.005 for first, _ in returned])
    assert [frozen.params for frozen in stored] == [dict(first.levels) for first, _ in returned]


def test_later_proposals_of_tpe_are_nearer_to_the_optimum(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.trials=30")
    run(Proposals(study, journal, {}))
    radii = [abs(math.log(frozen.params["method.epsilon"])) for frozen in stored_proposals(study, journal)]
    assert sum(radii[20:]) < sum(radii[:10])


@pytest.mark.parametrize("lost", [{}, {"linear/accuracy": math.nan}, {"linear/accuracy": math.inf}])
def test_a_proposal_fails_where_one_of_its_seeds_has_no_finite_value(
    search_study: MakeStudy, journal: Path, lost: dict[str, float]
) -> None:
    study = search_study("search.trials=3")
    proposals = Proposals(study, journal, {})
    for number, (first, second) in enumerate(batches(proposals)):
        proposals.record(first.key, score(first))
        assert not proposals.over
        proposals.record(second.key, lost if number == 1 else score(second))
    assert proposals.over
    states = [frozen.state for frozen in stored_proposals(study, journal)]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
    assert stored_proposals(study, journal)[1].user_attrs == {"reason": "a seed has no finite value of linear/accuracy"}


def test_a_search_whose_direction_changes_is_refused(search_study: MakeStudy, journal: Path, tmp_path: Path) -> None:
    Proposals(search_study(), journal, {}).next()
    file = tmp_path / "search.yaml"
    file.write_text(file.read_text().replace("maximize", "minimize"))
    with pytest.raises(StudyError) as refused:
        Proposals(search_study(), journal, {})
    assert str(refused.value) == (
        f"{file}:8:15: this search has begun to maximize linear/accuracy, and is now to minimize it;"
        " put 'maximize' back, or give the study another name"
    )


def test_another_profile_has_an_optuna_study_of_its_own(search_study: MakeStudy, journal: Path) -> None:
    full, quick = search_study(), search_study("training.epochs=7", "search.trials=2")
    run(Proposals(full, journal, {}))
    assert proposed_trials(quick, journal) == ()
    run(Proposals(quick, journal, {}))
    assert (len(stored_proposals(full, journal)), len(stored_proposals(quick, journal))) == (12, 2)
    assert {trial.config.training["epochs"] for trial in proposed_trials(quick, journal)} == {7}


def test_two_studies_in_one_journal_do_not_mix(search_study: MakeStudy, journal: Path) -> None:
    one, other = search_study("search.trials=3"), search_study("search.trials=3", "name=other")
    run(Proposals(one, journal, {}))
    assert proposed_trials(other, journal) == ()
    assert names(run(Proposals(other, journal, {}))) != names(run(Proposals(one, journal, {})))


def test_a_larger_number_of_trials_continues_the_search(search_study: MakeStudy, journal: Path) -> None:
    proposals = Proposals(search_study("search.trials=3"), journal, {})
    first = names(run(proposals))
    more = Proposals(search_study("search.trials=5"), journal, proposals.outcomes)
    second = names(run(more))
    assert (len(first), len(second), len({*first, *second})) == (6, 4, 10)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("killed_at", [0, 1, 5, 11])
def test_a_killed_search_continues_as_if_it_were_uninterrupted(
    search_study: MakeStudy, journal: Path, tmp_path: Path, sampler: str, killed_at: int
) -> None:
    study = search_study(f"search.sampler={sampler}")
    whole = names(run(Proposals(study, tmp_path / "whole.log", {})))
    killed = Proposals(study, journal, {})
    ended: Outcomes = {}
    returned: list[Trial] = []
    for number, trials in enumerate(batches(killed)):
        returned += trials[: 1 if number == killed_at else 2]
        for trial in returned[2 * number :]:
            killed.record(trial.key, score(trial))
            ended[trial.key] = Outcome(metrics=score(trial))
        if number == killed_at:
            break
    del killed
    resumed = Proposals(study, journal, ended)
    assert not resumed.over
    rest = run(resumed)
    assert [trial.config.seed for trial in rest[0]] == [1]
    assert [trial.name for trial in returned] + names(rest) == whole
    assert resumed.over
    assert params(study, journal) == params(study, tmp_path / "whole.log")
    assert [frozen.value for frozen in stored_proposals(study, journal)] == [
        frozen.value for frozen in stored_proposals(study, tmp_path / "whole.log")
    ]


def test_open_proposals_are_continued_and_those_that_ended_are_reported(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.trials=4")
    killed = Proposals(study, journal, {})
    first, second, third = (killed.next() for _ in range(3))
    ended: Outcomes = {
        trial.key: Outcome(metrics={"linear/accuracy": 0.5}) for trial in (*first, third[0])
    }  # the first ended after the kill
    resumed = Proposals(study, journal, ended)
    assert resumed.next() == second
    assert resumed.next() == third[1:]
    assert [frozen.state for frozen in stored_proposals(study, journal)] == [TrialState.COMPLETE] + [
        TrialState.RUNNING
    ] * 2
    for trial in (*second, third[1]):
        resumed.record(trial.key, score(trial))
    (last,) = run(resumed)
    assert not {trial.key for trial in last} & {trial.key for trial in (*first, *second, *third)}
    assert [frozen.state for frozen in stored_proposals(study, journal)] == [TrialState.COMPLETE] * 4


def test_trials_whose_records_were_deleted_run_again_and_are_not_reported_twice(
    search_study: MakeStudy, journal: Path
) -> None:
    study = search_study("search.trials=3")
    proposals = Proposals(study, journal, {})
    _, second, third = run(proposals)
    stored = stored_proposals(study, journal)
    kept = {key: value for key, value in proposals.outcomes.items() if key not in (second[0].key, third[1].key)}
    again = Proposals(study, journal, kept)
    assert not again.over
    assert run(again) == [second[:1], third[1:]]
    assert again.over
    assert stored_proposals(study, journal) == stored


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_small_space_is_exhausted_without_repetition(search_study: MakeStudy, journal: Path, sampler: str) -> None:
    study = search_study(*SMALL, f"search.sampler={sampler}")
    proposals = Proposals(study, journal, {})
    returned = []
    for trials in batches(proposals):
        returned.append(trials[0].levels)
        for trial in trials:
            proposals.record(trial.key, {"linear/accuracy": 0.5})
    assert proposals.over
    found = [(levels["method.transformation"], levels["method.k"]) for levels in returned]
    assert sorted(found) == [(kind, k) for kind in ("np", "rp", "vat") for k in (10, 20)]
    assert len(proposed_trials(study, journal)) == 12
    assert Proposals(study, journal, proposals.outcomes).over
    assert not [frozen for frozen in stored_proposals(study, journal) if not frozen.state.is_finished()]


def test_incomplete_proposals_of_a_killed_process_are_not_run(
    search_study: MakeStudy, journal: Path, tmp_path: Path
) -> None:
    study = search_study("search.trials=3")
    killed = Proposals(study, journal, {})
    first = killed.next()
    killed.stored.ask(dict(list(killed.space.distributions.items())[:1]))  # killed before the second axis
    killed.stored.enqueue_trial(dict(first[0].levels))
    killed.stored.ask(killed.space.distributions)  # killed before the repetition was noticed
    killed.stored.enqueue_trial({"method.epsilon": 2.0, "training.learning_rate": 1e-3})  # killed before it was asked
    resumed = Proposals(study, journal, {})
    returned = run(resumed)
    assert [len(trials) for trials in returned] == [2, 2, 2]
    assert returned[0] == first
    assert returned[1][0].levels == {"method.epsilon": 2.0, "training.learning_rate": 1e-3}
    assert [trial for trials in returned for trial in trials] == list(proposed_trials(study, journal))
    assert {frozen.state for frozen in stored_proposals(study, journal)} == {TrialState.COMPLETE, TrialState.FAIL}


def test_an_incomplete_last_line_of_the_journal_is_cut_off(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.trials=3")
    proposals = Proposals(study, journal, {})
    first = proposals.next()
    for trial in first:
        proposals.record(trial.key, score(trial))
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"wor')
    returned = run(Proposals(study, journal, proposals.outcomes))
    assert len(returned) == 2
    assert len(proposed_trials(study, journal)) == 6


def test_proposed_trials_lists_all_trials_in_order_and_creates_no_journal(
    search_study: MakeStudy, journal: Path
) -> None:
    study = search_study("search.trials=3")
    assert proposed_trials(study, journal) == ()
    assert not journal.exists()
    proposals = Proposals(study, journal, {})
    returned = [*run(proposals)]
    assert proposed_trials(study, journal) == tuple(trial for trials in returned for trial in trials)


def test_a_space_becomes_distributions_of_its_types(search_study: MakeStudy, journal: Path) -> None:
    space: dict[str, Any] = {
        "method.k": optuna.distributions.IntDistribution(10, 1000, log=True),
        "method.epsilon": optuna.distributions.FloatDistribution(1.0, 4.0, step=0.5),
        "training.learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-2),
        "method.transformation": optuna.distributions.CategoricalDistribution(["rp", "vat"]),
    }
    study = search_study(
        "search.space={method.k: {low: 10, high: 1000, log: true}, method.epsilon: {low: 1, high: 4, step: 0.5},"
        " training.learning_rate: {low: 1.0e-4, high: 1.0e-2}, method.transformation: {choices: [rp, vat]}}"
    )
    assert Proposals(study, journal, {}).space.distributions == space

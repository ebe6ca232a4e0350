"""A search is its settings, each over all seeds, told once; and it goes on where it stood."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from ablate.errors import StudyError
from ablate.options import Value
from ablate.search.proposals import Proposals, open_memory, proposed
from ablate.study.model import Study
from ablate.trial import Trial

MakeStudy = Callable[..., Study]
Values = dict[str, float | None]

SMALL = (  # a space of six settings
    "search.space={method.transformation: {choices: [np, rp, vat]}, method.k: {low: 10, high: 20, step: 10}}",
    "search.trials=20",
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "search.log"


def accuracy(trial: Trial) -> float:
    """The nearer ε is to 1 the better, and each seed a little better than the last."""
    epsilon = trial.config.settings["epsilon"]
    assert isinstance(epsilon, float)
    return 1 - 0.1 * math.log(epsilon) ** 2 + 0.01 * trial.config.seed


def score(trial: Trial) -> dict[str, float]:
    return {"linear/accuracy": accuracy(trial), "linear/train_accuracy": 0.0}


def batches(proposals: Proposals) -> Iterator[tuple[Trial, ...]]:
    """What is handed out, proposal by proposal, until nothing is."""
    while trials := proposals.next():
        yield trials


def run(proposals: Proposals) -> list[tuple[Trial, ...]]:
    """Let a search have its way."""
    handed = []
    for trials in batches(proposals):
        handed.append(trials)
        for trial in trials:
            proposals.tell(trial.key, score(trial))
    return handed


def memory(study: Study, journal: Path) -> list[FrozenTrial]:
    return open_memory(study, journal).trials


def params(study: Study, journal: Path) -> list[dict[str, Value]]:
    return [frozen.params for frozen in memory(study, journal)]


def names(handed: Sequence[tuple[Trial, ...]]) -> list[str]:
    return [trial.name for trials in handed for trial in trials]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_proposal_is_a_trial_for_every_seed_and_is_told_once_with_their_mean(
    search_study: MakeStudy, journal: Path, sampler: str
) -> None:
    study = search_study(f"search.sampler={sampler}")
    handed = run(Proposals(study, journal, {}))
    assert [[trial.config.seed for trial in trials] for trials in handed] == [[0, 1]] * 12
    assert all(first.variant == second.variant for first, second in handed)
    told = memory(study, journal)
    assert [frozen.state for frozen in told] == [TrialState.COMPLETE] * 12
    assert [frozen.value for frozen in told] == pytest.approx([accuracy(first) + 0.005 for first, _ in handed])
    assert [frozen.params for frozen in told] == [dict(first.levels) for first, _ in handed]


def test_a_search_looks_where_it_found_something(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.trials=30")
    run(Proposals(study, journal, {}))
    radii = [abs(math.log(frozen.params["method.epsilon"])) for frozen in memory(study, journal)]
    assert sum(radii[20:]) < sum(radii[:10])


@pytest.mark.parametrize("lost", [None, {}, {"linear/accuracy": math.nan}, {"linear/accuracy": math.inf}])
def test_a_setting_that_fails_with_one_seed_has_failed(
    search_study: MakeStudy, journal: Path, lost: dict[str, float] | None
) -> None:
    study = search_study("search.trials=3")
    proposals = Proposals(study, journal, {})
    for number, (first, second) in enumerate(batches(proposals)):
        proposals.tell(first.key, score(first))
        assert not proposals.over
        proposals.tell(second.key, lost if number == 1 else score(second))
    assert proposals.over
    states = [frozen.state for frozen in memory(study, journal)]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]


def test_a_search_that_turns_round_is_refused(search_study: MakeStudy, journal: Path, tmp_path: Path) -> None:
    Proposals(search_study(), journal, {}).next()
    file = tmp_path / "search.yaml"
    file.write_text(file.read_text().replace("maximize", "minimize"))
    with pytest.raises(StudyError) as refused:
        Proposals(search_study(), journal, {})
    assert str(refused.value) == (
        f"{file}:8:15: this search has begun to maximize linear/accuracy, and is now to minimize it;"
        " put 'maximize' back, or give the study another name"
    )


def test_another_profile_has_another_memory(search_study: MakeStudy, journal: Path) -> None:
    full, quick = search_study(), search_study("training.epochs=7", "search.trials=2")
    run(Proposals(full, journal, {}))
    assert proposed(quick, journal) == ()
    run(Proposals(quick, journal, {}))
    assert (len(memory(full, journal)), len(memory(quick, journal))) == (12, 2)
    assert {trial.config.training["epochs"] for trial in proposed(quick, journal)} == {7}


def test_two_studies_in_one_journal_do_not_mix(search_study: MakeStudy, journal: Path) -> None:
    one, other = search_study("search.trials=3"), search_study("search.trials=3", "name=other")
    run(Proposals(one, journal, {}))
    assert proposed(other, journal) == ()
    assert names(run(Proposals(other, journal, {}))) != names(run(Proposals(one, journal, {})))


def test_more_trials_go_on_with_what_is_known(search_study: MakeStudy, journal: Path) -> None:
    proposals = Proposals(search_study("search.trials=3"), journal, {})
    first = names(run(proposals))
    more = Proposals(search_study("search.trials=5"), journal, proposals.values)
    second = names(run(more))
    assert (len(first), len(second), len({*first, *second})) == (6, 4, 10)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("killed_at", [0, 1, 5, 11])
def test_a_killed_search_goes_on_where_it_stood(
    search_study: MakeStudy, journal: Path, tmp_path: Path, sampler: str, killed_at: int
) -> None:
    study = search_study(f"search.sampler={sampler}")
    whole = names(run(Proposals(study, tmp_path / "whole.log", {})))
    killed = Proposals(study, journal, {})
    ended: Values = {}
    handed: list[Trial] = []
    for number, trials in enumerate(batches(killed)):
        handed += trials[: 1 if number == killed_at else 2]
        for trial in handed[2 * number :]:
            killed.tell(trial.key, score(trial))
            ended[trial.key] = accuracy(trial)
        if number == killed_at:
            break
    del killed
    resumed = Proposals(study, journal, ended)
    assert not resumed.over
    rest = run(resumed)
    assert [trial.config.seed for trial in rest[0]] == [1]
    assert [trial.name for trial in handed] + names(rest) == whole
    assert resumed.over
    assert params(study, journal) == params(study, tmp_path / "whole.log")
    assert [frozen.value for frozen in memory(study, journal)] == [
        frozen.value for frozen in memory(study, tmp_path / "whole.log")
    ]


def test_several_open_proposals_are_taken_up_and_those_that_ended_are_told(
    search_study: MakeStudy, journal: Path
) -> None:
    study = search_study("search.trials=4")
    killed = Proposals(study, journal, {})
    first, second, third = (killed.next() for _ in range(3))
    ended: Values = {trial.key: 0.5 for trial in (*first, third[0])}  # the first ended while nobody listened
    resumed = Proposals(study, journal, ended)
    assert resumed.next() == second
    assert resumed.next() == third[1:]
    assert [frozen.state for frozen in memory(study, journal)] == [TrialState.COMPLETE] + [TrialState.RUNNING] * 2
    for trial in (*second, third[1]):
        resumed.tell(trial.key, score(trial))
    (last,) = run(resumed)
    assert not {trial.key for trial in last} & {trial.key for trial in (*first, *second, *third)}
    assert [frozen.state for frozen in memory(study, journal)] == [TrialState.COMPLETE] * 4


def test_trials_that_nobody_has_any_more_run_again_and_are_not_told_twice(
    search_study: MakeStudy, journal: Path
) -> None:
    study = search_study("search.trials=3")
    proposals = Proposals(study, journal, {})
    _, second, third = run(proposals)
    told = memory(study, journal)
    kept = {key: value for key, value in proposals.values.items() if key not in (second[0].key, third[1].key)}
    again = Proposals(study, journal, kept)
    assert not again.over
    assert run(again) == [second[:1], third[1:]]
    assert again.over
    assert memory(study, journal) == told


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_small_space_is_exhausted_without_repetition(search_study: MakeStudy, journal: Path, sampler: str) -> None:
    study = search_study(*SMALL, f"search.sampler={sampler}")
    proposals = Proposals(study, journal, {})
    handed = []
    for trials in batches(proposals):
        handed.append(trials[0].levels)
        for trial in trials:
            proposals.tell(trial.key, {"linear/accuracy": 0.5})
    assert proposals.over
    found = [(levels["method.transformation"], levels["method.k"]) for levels in handed]
    assert sorted(found) == [(kind, k) for kind in ("np", "rp", "vat") for k in (10, 20)]
    assert len(proposed(study, journal)) == 12
    assert Proposals(study, journal, proposals.values).over
    assert not [frozen for frozen in memory(study, journal) if not frozen.state.is_finished()]


def test_what_a_dying_process_half_proposed_is_void(search_study: MakeStudy, journal: Path, tmp_path: Path) -> None:
    study = search_study("search.trials=3")
    killed = Proposals(study, journal, {})
    first = killed.next()
    killed.memory.ask(dict(list(killed.space.items())[:1]))  # killed before the second axis
    killed.memory.enqueue_trial(dict(first[0].levels))
    killed.memory.ask(killed.space)  # killed before the repetition was noticed
    killed.memory.enqueue_trial({"method.epsilon": 2.0, "training.learning_rate": 1e-3})  # killed before it was asked
    resumed = Proposals(study, journal, {})
    handed = run(resumed)
    assert [len(trials) for trials in handed] == [2, 2, 2]
    assert handed[0] == first
    assert handed[1][0].levels == {"method.epsilon": 2.0, "training.learning_rate": 1e-3}
    assert [trial for trials in handed for trial in trials] == list(proposed(study, journal))
    assert {frozen.state for frozen in memory(study, journal)} == {TrialState.COMPLETE, TrialState.FAIL}


def test_a_journal_whose_last_line_is_torn_can_be_read_and_written(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.trials=3")
    proposals = Proposals(study, journal, {})
    first = proposals.next()
    for trial in first:
        proposals.tell(trial.key, score(trial))
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"wor')
    handed = run(Proposals(study, journal, proposals.values))
    assert len(handed) == 2
    assert len(proposed(study, journal)) == 6


def test_proposed_names_all_trials_in_order_without_making_any(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.trials=3")
    assert proposed(study, journal) == ()
    assert not journal.exists()
    proposals = Proposals(study, journal, {})
    handed = [*run(proposals)]
    assert proposed(study, journal) == tuple(trial for trials in handed for trial in trials)


def test_axes_become_distributions_of_their_kind(search_study: MakeStudy, journal: Path) -> None:
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
    assert Proposals(study, journal, {}).space == space

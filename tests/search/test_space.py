"""What a search proposes: its samplers, conditions, first settings, and what it takes over from former ranges."""

from collections.abc import Callable, Sequence
from pathlib import Path

import optuna
import pytest

from ablate.errors import StudyError
from ablate.launch_config import Outcome
from ablate.options import Value
from ablate.planning.resolve import resolve
from ablate.planning.samplers import chosen_sampler, make_sampler
from ablate.search.journal import open_journal
from ablate.search.proposals import Proposals
from ablate.search.start import trials_taken_over
from ablate.study.model import Study
from ablate.trial import Trial

MakeStudy = Callable[..., Study]
CONDITIONAL = (
    "search.space={method.transformation: {choices: [rp, vat]},"
    " method.epsilon: {low: 1, high: 4, when: {method.transformation: vat}},"
    " method.k: {low: 10, high: 100}}"
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "search.log"


def score(trial: Trial) -> dict[str, float]:
    """Highest at ε = 1 and a learning rate of 0.001."""
    rate, epsilon = trial.config.training["learning_rate"], trial.config.settings["epsilon"]
    assert isinstance(rate, float)
    assert isinstance(epsilon, float)
    return {"linear/accuracy": 1 - (epsilon - 1) ** 2 / 16 - (rate - 1e-3) ** 2 * 100}


def run(proposals: Proposals, most: int = 1000) -> list[dict[str, Value]]:
    """The settings that a search proposes one after the other, each scored before the next."""
    found = []
    while len(found) < most and (trials := proposals.next()):
        found.append(dict(trials[0].levels))
        for trial in trials:
            proposals.record(trial.key, score(trial))
    return found


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random"])
def test_one_proposal_at_a_time_is_what_optuna_alone_proposes_with_the_same_seeds(
    search_study: MakeStudy, journal: Path, sampler: str
) -> None:
    study = search_study(f"search.sampler={sampler}", "search.parallel=1", "search.trials=14")
    proposals = Proposals(study, journal, {})
    found = run(proposals)
    assert study.search is not None
    alone = optuna.create_study(direction="maximize")
    alone.enqueue_trial(found[0])  # the defaults
    expected = []
    for number in range(14):
        alone.sampler = make_sampler(study.search, proposals._seed(number))
        trial = alone.ask()
        epsilon = trial.suggest_float("method.epsilon", 0.1, 4, log=True)
        rate = trial.suggest_float("training.learning_rate", 1e-4, 1e-2, log=True)
        expected.append(dict(trial.params))
        alone.tell(trial, 1 - (epsilon - 1) ** 2 / 16 - (rate - 1e-3) ** 2 * 100)
    assert found == expected
    assert len({str(one) for one in found}) == 14


def test_a_search_that_is_interrupted_after_every_proposal_proposes_the_same(
    search_study: MakeStudy, tmp_path: Path
) -> None:
    study = search_study("search.sampler=cmaes", "search.trials=8")
    whole = run(Proposals(study, tmp_path / "whole.log", {}))
    parts: list[dict[str, Value]] = []
    ended: dict[str, Outcome] = {}
    for _ in range(8):
        proposals = Proposals(study, tmp_path / "parts.log", ended)
        parts += run(proposals, most=1)
        ended = proposals.outcomes
    assert parts == whole


def test_a_grid_proposes_every_setting_once_in_the_order_of_the_space(search_study: MakeStudy, journal: Path) -> None:
    space = "search.space={method.transformation: {choices: [rp, vat]}, method.k: {low: 10, high: 20, step: 5}}"
    found = run(Proposals(search_study("search.sampler=grid", space), journal, {}))
    every = [{"method.transformation": one, "method.k": k} for one in ("rp", "vat") for k in (10, 15, 20)]
    assert sorted(found, key=str) == sorted(every, key=str)


def test_a_grid_of_a_continuous_range_is_refused(search_study: MakeStudy) -> None:
    with pytest.raises(StudyError, match=r"a grid cannot try every value of 'method.epsilon'; add a 'step'"):
        search_study("search.sampler=grid")


def test_a_setting_with_a_condition_is_proposed_only_where_that_holds(search_study: MakeStudy, journal: Path) -> None:
    study = search_study(CONDITIONAL, "search.trials=20")
    found = run(Proposals(study, journal, {}))
    assert {len(one) for one in found} == {2, 3}
    assert all(("method.epsilon" in one) == (one["method.transformation"] == "vat") for one in found)
    resumed = Proposals(study, journal, {})
    assert len(resumed.proposed) == 20


def test_the_defaults_are_proposed_first_and_then_what_is_enqueued(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.enqueue=[{method.epsilon: 0.5, training.learning_rate: 0.002}, {method.epsilon: 3}]")
    found = run(Proposals(study, journal, {}), most=3)
    (trial,) = {trial.variant: trial for trial in resolve(without_search(study))}.values()
    assert found[0] == {
        "method.epsilon": trial.config.settings["epsilon"],
        "training.learning_rate": trial.config.training["learning_rate"],
    }
    assert found[1] == {"method.epsilon": 0.5, "training.learning_rate": 0.002}
    assert repr(found[2]["method.epsilon"]) == "3.0"  # of the setting's type, whatever the file has


def without_search(study: Study) -> Study:
    """The study with its defaults only."""
    case = study.cases[0].model_copy(update={"design": "grid"})
    return study.model_copy(update={"search": None, "cases": (case,)})


def test_defaults_outside_the_space_are_not_proposed(search_study: MakeStudy, journal: Path) -> None:
    study = search_study("search.space={method.epsilon: {low: 3.9, high: 4.0}}", "search.trials=3")
    assert all(3.9 <= float(one["method.epsilon"]) <= 4.0 for one in run(Proposals(study, journal, {})))


def test_at_most_so_many_proposals_are_open_at_a_time(search_study: MakeStudy, journal: Path) -> None:
    proposals = Proposals(search_study("search.parallel=2"), journal, {})
    first, second = proposals.next(), proposals.next()
    assert first
    assert second
    assert proposals.next() == ()
    for trial in first:
        proposals.record(trial.key, score(trial))
    assert proposals.next()


def test_a_changed_range_keeps_the_settings_that_lie_in_it(search_study: MakeStudy, journal: Path) -> None:
    before = Proposals(search_study("search.trials=10"), journal, {})
    run(before)
    narrower = search_study(
        "search.trials=10", "search.space.method.epsilon={low: 0.5, high: 4, log: true}", "search.sampler=random"
    )
    kept = [one.params for one in before.proposed if one.params["method.epsilon"] >= 0.5]
    after = Proposals(narrower, journal, before.outcomes)
    assert sorted(map(str, (one.params for one in after.proposed))) == sorted(map(str, kept))
    assert 0 < len(kept) < 10
    assert len(run(after)) == 10 - len(kept)
    assert [one.value for one in after.stored.best_trials]


def test_more_seeds_run_only_the_new_seeds_of_what_was_proposed(search_study: MakeStudy, journal: Path) -> None:
    before = Proposals(search_study("search.trials=3"), journal, {})
    run(before)
    study = search_study("search.trials=3", "seeds=3")
    after = Proposals(study, journal, before.outcomes)
    seeds: list[Sequence[int]] = []
    while trials := after.next():
        seeds.append([trial.config.seed for trial in trials])
        for trial in trials:
            after.record(trial.key, score(trial))
    assert seeds == [[2], [2], [2]]
    assert len(open_journal(study, journal).best_trials) == 1


def test_what_a_changed_search_takes_over_is_known_before_it_begins(search_study: MakeStudy, journal: Path) -> None:
    before = Proposals(search_study("search.trials=3"), journal, {})
    run(before)
    written = journal.read_bytes()
    study = search_study("search.trials=3", "seeds=3")
    taken_over = trials_taken_over(study, journal, before.outcomes)
    assert [trial.config.seed for trial in taken_over] == [0, 1, 2] * 3
    assert {trial.key for trial in taken_over} >= before.outcomes.keys()
    assert trials_taken_over(study, journal, {}) == ()
    assert journal.read_bytes() == written
    run(Proposals(study, journal, before.outcomes), most=1)
    assert trials_taken_over(study, journal, before.outcomes) == ()


@pytest.mark.parametrize(
    ("overrides", "sampler"),
    [
        ((), "gp"),
        (("search.trials=251",), "cmaes"),
        ((CONDITIONAL,), "tpe"),
        (("search.space={method.k: {choices: [10, 20]}}",), "tpe"),
    ],
)
def test_the_sampler_auto_suits_the_space_and_the_number_of_proposals(
    search_study: MakeStudy, overrides: Sequence[str], sampler: str
) -> None:
    search = search_study("search.sampler=auto", *overrides).search
    assert search is not None
    assert chosen_sampler(search) == sampler


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{n_startup_trails: 5}", "sampler 'tpe' has no option 'n_startup_trails'; did you mean 'n_startup_trials'?"),
        ("{n_startup_trials: many}", "'n_startup_trials' of sampler 'tpe' must be int, not 'many'"),
        ("{seed: 5}", "sampler 'tpe' has no option 'seed'"),
    ],
)
def test_an_option_that_the_sampler_does_not_take_is_refused(
    search_study: MakeStudy, options: str, message: str
) -> None:
    with pytest.raises(StudyError) as refused:
        resolve(search_study(f"search.sampler_options={options}"))
    assert message in str(refused.value)


def test_an_option_is_passed_to_the_sampler(search_study: MakeStudy) -> None:
    study = search_study("search.sampler=cmaes", "search.sampler_options={popsize: 7, sigma0: 0.5}")
    resolve(study)
    assert study.search is not None
    assert make_sampler(study.search, 1)._popsize == 7  # type: ignore[attr-defined]  # Optuna has no public name for it


def test_a_step_of_another_type_than_its_setting_is_refused_by_check(search_study: MakeStudy) -> None:
    with pytest.raises(StudyError, match=r"search.space.*: .*must be a whole number"):
        resolve(search_study("search.space={method.k: {low: 10, high: 20, step: 0.5}}"))

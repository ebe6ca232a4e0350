"""Which trials are added while comparisons are undecided, and that a launch goes on where it was."""

from collections.abc import Callable, Mapping

import pytest

from ablate.added_seeds import AddedSeeds, with_added
from ablate.errors import StudyError
from ablate.events import State
from ablate.planning.check_study import check_seed_rule
from ablate.stats.results import Result
from ablate.study.model import Study
from ablate.trial import Config, Trial

MakeStudy = Callable[..., Study]
RULE = {"at_least": 3, "at_most": 8}
NOISE = (0.0, 0.01, -0.01, 0.02, -0.02, 0.015, -0.012, 0.004)
SHIFTS = {1: 0.0, 2: 0.5, 3: 0.0}  # level → its difference from the baseline, level 1, besides noise
FIRST_LOOK = 7  # seeds, for two comparisons


@pytest.fixture
def study(make_study: MakeStudy) -> Study:
    study = make_study({"axes": {"method.k": tuple(SHIFTS)}}, metric="linear/accuracy")
    return Study.model_validate({**study.model_dump(), "seeds": RULE})


def trial(level: int, seed: int) -> Trial:
    config = Config("invariant", "1", {"k": level}, "fsdd", "1", {"epochs": 20}, seed)
    return Trial(config, {"linear": {}}, "example", {"method.k": level})


FIRST = tuple(trial(level, seed) for seed in range(3) for level in SHIFTS)


def score(one: Trial) -> float:
    level, seed = int(one.config.settings["k"] or 0), one.config.seed
    return 0.3 + SHIFTS[level] + NOISE[(seed * level) % 8] * level


def ended(one: Trial) -> Result:
    return Result(one, State.FINISHED, {"linear/accuracy": score(one)})


def counts(trials: tuple[Trial, ...]) -> Mapping[int, int]:
    return {level: sum(one.levels["method.k"] == level for one in trials) for level in SHIFTS}


def test_seeds_without_which_nothing_can_be_decided_are_there_from_the_start(study: Study) -> None:
    known = with_added(study, FIRST, Result)
    assert counts(known.trials) == dict.fromkeys(SHIFTS, FIRST_LOOK)
    assert known.trials[: len(FIRST)] == FIRST
    assert known.more == 3 * (8 - FIRST_LOOK)


def test_seeds_are_added_to_the_baseline_and_to_undecided_variants_only(study: Study) -> None:
    known = with_added(study, FIRST, ended)
    assert counts(known.trials) == {1: 8, 2: FIRST_LOOK, 3: 8}
    assert known.more == 0
    assert len({one.key for one in known.trials}) == len(known.trials)


def test_no_seed_is_added_before_the_trials_of_a_look_have_ended(study: Study) -> None:
    known = with_added(study, FIRST, lambda one: ended(one) if one.config.seed != 5 else Result(one))
    assert counts(known.trials) == dict.fromkeys(SHIFTS, FIRST_LOOK)


def test_a_launch_adds_look_by_look_and_one_that_is_continued_adds_the_same(study: Study) -> None:
    source = AddedSeeds(study, FIRST, {}, [one.key for one in FIRST])
    run: list[Trial] = list(FIRST)
    scores: dict[str, float | None] = {}
    while batch := [one for one in run if one.key not in scores]:
        assert not source.over
        for one in batch:
            scores[one.key] = score(one)
            source.record(one.key, {"linear/accuracy": score(one)})
        run += source.next()
        assert source.next() == ()
    assert source.over
    assert {one.key for one in run} == {one.key for one in with_added(study, FIRST, ended).trials}

    half = {key: scores[key] for key in list(scores)[:21]}
    again = AddedSeeds(study, FIRST, half, [])
    assert {one.key for one in again.next()} == scores.keys() - half.keys()


def test_a_trial_that_failed_counts_as_ended_without_a_score(study: Study) -> None:
    source = AddedSeeds(study, FIRST, {}, [])
    for one in source.next():
        source.record(one.key, {} if one.config.seed == 0 else {"linear/accuracy": score(one)})
    assert counts(source.next()) == dict.fromkeys(SHIFTS, 1)  # six pairs are too few to decide two comparisons


@pytest.mark.parametrize(
    ("rule", "axes", "problem"),
    [
        ({"at_least": 3, "at_most": 6}, (1, 2, 3), "6 seeds cannot decide 2 comparisons"),
        ({"at_least": 3, "at_most": 6}, (1,), "nothing is compared with a baseline"),
    ],
)
def test_a_rule_that_can_decide_nothing_is_refused(
    make_study: MakeStudy, rule: Mapping[str, int], axes: tuple[int, ...], problem: str
) -> None:
    study = make_study({"axes": {"method.k": axes}})
    with pytest.raises(StudyError, match=problem):
        check_seed_rule(Study.model_validate({**study.model_dump(), "seeds": rule}))

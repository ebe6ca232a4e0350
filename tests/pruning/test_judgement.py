"""Which variants go on past a rung: worked by hand, and against Optuna's pruner of the same rule."""

import random

import optuna
import pytest

from ablate.planning.early_stopping import rungs_of
from ablate.pruning.judgement import best_share, bracket_of, brackets, promotable, survives_halving, survives_median
from ablate.study.pruner import Pruner


def test_rungs_are_powers_of_the_reduction_factor_below_the_last_epoch() -> None:
    assert rungs_of(Pruner(kind="asha", reduction_factor=3), 27) == (1, 3, 9)
    assert rungs_of(Pruner(kind="asha", reduction_factor=3, min_epochs=2), 30) == (2, 6, 18)
    assert rungs_of(Pruner(kind="hyperband", reduction_factor=3), 27, bracket=2) == (9,)
    assert rungs_of(Pruner(kind="median", min_epochs=10), 30) == (10, 20)
    assert rungs_of(Pruner(kind="asha"), 1) == ()


def test_the_best_share_is_that_of_the_rounded_down_number_of_values() -> None:
    assert best_share([1, 5, 2, 4, 3, 6, 7], 3) == 6  # two of seven
    assert best_share([1, 5], 3) == 5  # one at least


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_halving_decides_as_the_pruner_of_optuna(factor: int) -> None:
    draw = random.Random(7)
    values = [draw.gauss(0, 1) for _ in range(60)]
    study = optuna.create_study(
        direction="maximize",
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor),
    )
    theirs = []
    for value in values:
        trial = study.ask()
        trial.report(value, 1)
        theirs.append(not trial.should_prune())
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    ours = [survives_halving(value, values[:number], factor) for number, value in enumerate(values)]
    assert ours == theirs
    assert 0 < sum(ours) < 60


def test_a_share_of_those_that_have_reached_a_rung_is_promotable_and_one_at_least_at_the_end() -> None:
    assert [promotable(reached, 3, last=False) for reached in (0, 2, 3, 7, 9)] == [0, 0, 1, 2, 3]
    assert promotable(2, 3, last=True) == 1


def test_the_median_rule_waits_for_enough_others() -> None:
    assert survives_median(0.1, [0.2, 0.3], least=3)
    assert not survives_median(0.1, [0.0, 0.2, 0.3], least=3)
    assert survives_median(0.2, [0.0, 0.2, 0.3], least=3)


def test_brackets_have_the_shares_of_hyperband() -> None:
    """η = 3, R = 27: ⌈4 · 27 / 4⌉ = 27, ⌈4 · 9 / 3⌉ = 12, ⌈4 · 3 / 2⌉ = 6, 4 of 49."""
    pruner = Pruner(kind="hyperband", reduction_factor=3)
    assert brackets(pruner, 27) == 4
    drawn = [bracket_of(pruner, 27, str(number)) for number in range(4900)]
    counts = [drawn.count(bracket) for bracket in range(4)]
    assert counts == pytest.approx([2700, 1200, 600, 400], rel=0.1)
    assert bracket_of(Pruner(kind="asha"), 27, "any") == 0

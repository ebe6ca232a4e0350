"""Interactions of two axes, by hand and against a regression of statsmodels."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ablate.stats.interactions import Interaction, interactions_of
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study

METRIC = "linear/accuracy"
AXES = {"method.k": (1, 2), "method.epsilon": (10, 20, 30)}
Scores = dict[tuple[int, int], Sequence[float]]


@pytest.fixture
def interactions(
    make_study: Callable[..., Study], make_result: Callable[..., Result]
) -> Callable[[Scores], tuple[Interaction, ...]]:
    """A function from scores by (k, epsilon) to the interactions of a grid; the baseline is (1, 10)."""

    def found(scores: Scores) -> tuple[Interaction, ...]:
        results = [
            make_result({"method.k": k, "method.epsilon": epsilon}, seed, score)
            for (k, epsilon), column in scores.items()
            for seed, score in enumerate(column)
        ]
        return interactions_of(variants_of(make_study({"axes": AXES}), results, METRIC))

    return found


def test_an_interaction_is_the_difference_of_differences_seed_by_seed(
    interactions: Callable[[Scores], tuple[Interaction, ...]],
) -> None:
    # seed 0: (0.9 − 0.6) − (0.7 − 0.5) = 0.1; seed 1: (0.8 − 0.5) − (0.6 − 0.5) = 0.2; seed 2: 0.3 − 0.0 = 0.3
    scores: Scores = {(1, 10): [0.5, 0.5, 0.5], (2, 10): [0.7, 0.6, 0.5], (1, 20): [0.6, 0.5, 0.4]}
    scores[(2, 20)] = [0.9, 0.8, 0.7, 0.1]  # the fourth seed has no partner
    (found,) = interactions(scores)
    assert found.levels == {"method.k": 2, "method.epsilon": 20}
    assert found.values == pytest.approx((0.1, 0.2, 0.3))
    assert found.estimate.mean == pytest.approx(0.2)
    # t = 0.2 / (0.1 / √3) = 3.464 with 2 degrees of freedom
    assert found.p_value == pytest.approx(0.0742, abs=1e-4)
    assert not found.shown


def test_effects_that_add_up_do_not_interact_and_holm_counts_all_interactions(
    interactions: Callable[[Scores], tuple[Interaction, ...]],
) -> None:
    noise = np.random.default_rng(7).normal(0, 0.01, (6, 8))
    cells = [(k, epsilon) for k in (1, 2) for epsilon in (10, 20, 30)]
    added = {(2, 30): 0.3}
    scores: Scores = {
        cell: (0.1 * cell[0] + 0.005 * cell[1] + added.get(cell, 0.0) + row).tolist()
        for cell, row in zip(cells, noise, strict=True)
    }
    plain, strong = interactions(scores)
    assert (plain.levels["method.epsilon"], strong.levels["method.epsilon"]) == (20, 30)
    assert strong.shown
    assert not plain.shown
    assert strong.p_value is not None
    assert strong.p_adjusted == pytest.approx(2 * strong.p_value)


def test_the_mean_is_the_coefficient_of_the_product_in_a_regression(
    interactions: Callable[[Scores], tuple[Interaction, ...]],
) -> None:
    import statsmodels.api as sm

    table = np.random.default_rng(1).normal(size=(2, 2, 6))
    scores: Scores = {(k + 1, 10 * (e + 1)): table[k, e].tolist() for k in (0, 1) for e in (0, 1)}
    (found,) = interactions(scores)
    k, e = (np.repeat(values, 6) for values in ([0, 0, 1, 1], [0, 1, 0, 1]))
    fitted = sm.OLS(table.reshape(-1), np.column_stack([np.ones(24), k, e, k * e])).fit()
    assert found.estimate.mean == pytest.approx(fitted.params[3])


def test_axes_that_are_not_crossed_have_no_interaction(
    interactions: Callable[[Scores], tuple[Interaction, ...]],
) -> None:
    assert interactions({(1, 10): [0.5, 0.6], (2, 10): [0.5, 0.7], (1, 20): [0.6, 0.7]}) == ()

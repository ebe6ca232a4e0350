"""The number of seeds that would decide."""

import numpy as np
import pytest
from scipy import stats

from ablate.stats.equivalence import equivalence_test
from ablate.stats.seeds_needed import seeds_for_equivalence, seeds_needed


def test_half_a_deviation_needs_34_pairs() -> None:
    assert seeds_needed(0.5, 1.0) == 34  # Cohen 1988, table 2.4.1 for one sample: n = 33.4


def test_the_count_has_a_power_of_80_per_cent_and_one_less_has_not() -> None:
    n = seeds_needed(0.02, 0.03, alpha=0.01, one_sided=True)
    assert n is not None
    draws = np.random.default_rng(0).normal(0.02, 0.03, (20_000, n))
    shares = [
        np.mean(stats.ttest_1samp(draws[:, :count], 0, axis=1, alternative="greater").pvalue <= 0.01)
        for count in (n, n - 1)
    ]
    assert shares[0] == pytest.approx(0.81, abs=0.02)
    assert shares[1] < 0.8


@pytest.mark.parametrize(("effect", "std"), [(0.0, 1.0), (0.5, None), (1e-9, 1.0)])
def test_no_count_decides_without_effect_or_deviation(effect: float, std: float | None) -> None:
    assert seeds_needed(effect, std) is None


@pytest.mark.parametrize("std", [0.0, 1e-300])
def test_equal_differences_need_the_three_seeds_below_which_nothing_is_decided(std: float) -> None:
    assert seeds_needed(0.5, std) == 3


@pytest.mark.parametrize("comparisons", [1, 2, 5, 15, 29])
@pytest.mark.parametrize("size", [2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20])
def test_large_effects_need_as_many_seeds_as_simulated_tests_find_them_with(size: float, comparisons: int) -> None:
    """The simulated power lies on its side of 80 %, up to three of its standard errors; two seeds decide nothing."""
    n = seeds_needed(size, 1.0, alpha=0.05 / comparisons)
    assert n is not None
    generator, runs = np.random.default_rng(0), 20_000
    slack = 3 * (0.8 * 0.2 / runs) ** 0.5

    def power(count: int) -> float:
        draws = generator.normal(size, 1.0, (runs, count))
        return float(np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue <= 0.05 / comparisons))

    assert power(n) > 0.8 - slack
    assert n == 3 or power(n - 1) < 0.8 + slack


@pytest.mark.parametrize(
    ("mean", "margin", "alpha"), [(0.0, 1.0, 0.05), (0.5, 1.0, 0.05), (-0.5, 1.5, 0.01), (1.0, 5.0, 0.05)]
)
def test_two_one_sided_tests_find_equivalence_with_a_power_of_80_per_cent_and_with_one_seed_less_not(
    mean: float, margin: float, alpha: float
) -> None:
    n = seeds_for_equivalence(mean, margin, 1.0, alpha)
    assert n is not None
    runs = 4_000
    draws = np.random.default_rng(1).normal(mean, 1.0, (runs, n))
    slack = 3 * (0.8 * 0.2 / runs) ** 0.5

    def power(count: int) -> float:
        return float(np.mean([(equivalence_test(row[:count].tolist(), margin) or 0.0) <= alpha for row in draws]))

    assert power(n) > 0.8 - slack
    assert n == 3 or power(n - 1) < 0.8 + slack


@pytest.mark.parametrize(("mean", "std"), [(0.04, 0.01), (-0.05, 0.01), (0.0, None), (0.0399999, 1.0)])
def test_no_count_shows_equivalence_of_a_mean_that_is_not_within_the_margin(mean: float, std: float | None) -> None:
    assert seeds_for_equivalence(mean, 0.04, std) is None


def test_equal_differences_within_the_margin_need_three_seeds() -> None:
    assert seeds_for_equivalence(0.01, 0.04, 0.0) == 3

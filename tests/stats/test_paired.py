"""Paired differences: intervals, tests and effect sizes, by hand and against scipy, statsmodels and rliable."""

import math

import numpy as np
import pytest
from scipy import stats

from ablate.stats.equivalence import equivalence_test
from ablate.stats.holm import holm
from ablate.stats.paired import PairedDifference, sign_flip_test, t_test

FIRST = {0: 0.80, 1: 0.84, 2: 0.79, 3: 0.88}
SECOND = {0: 0.78, 1: 0.80, 2: 0.78, 4: 0.5}


def test_only_seeds_that_both_variants_have_are_paired() -> None:
    difference = PairedDifference.of(FIRST, SECOND)
    assert difference.seeds == (0, 1, 2)
    assert difference.values == pytest.approx((0.02, 0.04, 0.01))


def test_the_interval_is_that_of_the_differences() -> None:
    estimate = PairedDifference.of(FIRST, SECOND).estimate
    assert estimate.mean == pytest.approx(0.07 / 3)
    assert estimate.std == pytest.approx(0.0152753, abs=1e-7)  # √((0.0033² + 0.0167² + 0.0133²) / 2)
    assert estimate.half == pytest.approx(4.302653 * 0.0152753 / math.sqrt(3), abs=1e-6)


def test_the_p_value_is_that_of_the_paired_t_test() -> None:
    difference = PairedDifference.of(FIRST, SECOND)
    expected = stats.ttest_rel([0.80, 0.84, 0.79], [0.78, 0.80, 0.78]).pvalue
    assert difference.p_value == pytest.approx(expected)
    assert difference.effect_size == pytest.approx((0.07 / 3) / 0.0152753, rel=1e-5)


def test_three_differences_of_one_sign_have_the_least_sign_flip_p() -> None:
    difference = PairedDifference.of(FIRST, SECOND)  # two of the 2³ sign patterns reach the mean
    assert difference.p_permutation == 0.25 == difference.least_p_permutation


def test_the_sign_flip_test_counts_all_patterns() -> None:
    # |±1 ±2 ±3 ±4| ≥ 8 for +8, +10, −8, −10: 4 of 16
    assert sign_flip_test([-1.0, 2.0, 3.0, 4.0]) == pytest.approx(4 / 16)


@pytest.mark.parametrize("n", [2, 3, 7, 12, 14])
def test_the_exact_sign_flip_test_is_scipys(n: int) -> None:
    values = np.random.default_rng(n).normal(0.5, 1, n).round(1)  # with ties
    expected = stats.permutation_test((values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=2**n)
    assert sign_flip_test(values.tolist()) == pytest.approx(min(1.0, expected.pvalue))


def test_the_sign_flip_test_of_many_values_agrees_with_the_t_test() -> None:
    values = np.random.default_rng(3).normal(0.4, 1, 40).tolist()
    assert sign_flip_test(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)


def test_equal_differences_have_no_spread_and_a_p_of_0_or_1() -> None:
    assert t_test([0.5, 0.5, 0.5]) == 0.0
    assert t_test([0.1 + 0.2, 0.3, 0.3], 0.3) == 1.0
    assert t_test([0.5, 0.5], 0.6, "less") == 0.0
    assert t_test([0.5, 0.5], 0.6, "greater") == 1.0


def test_one_seed_has_no_test() -> None:
    difference = PairedDifference.of({0: 1.0}, {0: 0.5})
    assert difference.p_value is None
    assert difference.p_permutation == 1.0
    assert difference.effect_size is None


def test_the_bootstrap_interval_starts_at_eight_seeds() -> None:
    values = np.random.default_rng(1).normal(0.5, 1, 12)
    difference = PairedDifference.of(dict(enumerate(values)), dict.fromkeys(range(12), 0.0))
    low, high = difference.bootstrap or (math.nan, math.nan)
    expected = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(7)).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.03)
    assert PairedDifference.of(dict(enumerate(values[:7])), dict.fromkeys(range(7), 0.0)).bootstrap is None


@pytest.mark.parametrize(("better", "expected"), [(1, 0.625), (-1, 0.375), (0, None)])
def test_ties_count_half_in_the_probability_of_outperforming(better: int, expected: float | None) -> None:
    difference = PairedDifference.of({0: 2, 1: 3, 2: 1, 3: 0}, {0: 1, 1: 2, 2: 1, 3: 1}, better)  # two wins, one tie
    assert difference.probability_of_outperforming == expected


def test_pairing_gains_where_seeds_move_both_variants() -> None:
    difference = PairedDifference.of({0: 1.0, 1: 2.0, 2: 3.0}, {0: 0.9, 1: 2.0, 2: 2.8})
    # differences 0.1, 0, 0.2: variance 0.01; the scores: 1 and (0.9, 2, 2.8): 0.91
    assert difference.variance_ratio == pytest.approx(0.01 / 1.91)


def test_holm_multiplies_the_ordered_p_values() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))  # 3·0.01, 2·0.03, max(0.06, 0.04)
    assert holm([]) == ()


def test_holm_agrees_with_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p_values = np.random.default_rng(5).random(12) ** 3
    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_equivalence_is_the_larger_of_two_one_sided_tests() -> None:
    from statsmodels.stats.weightstats import ttost_paired

    first, second = np.array([0.80, 0.84, 0.79, 0.81]), np.array([0.79, 0.84, 0.80, 0.80])
    expected = ttost_paired(first, second, -0.03, 0.03)[0]
    assert equivalence_test((first - second).tolist(), 0.03) == pytest.approx(expected)
    assert equivalence_test([0.1], 0.03) is None


def test_the_share_of_better_seeds_is_rliables_probability_of_improvement() -> None:
    from rliable.metrics import probability_of_improvement  # its intervals need a version of arch that needs pandas 2

    generator = np.random.default_rng(7)
    first, second = (generator.normal(size=40).round(1) + shift for shift in (0.2, 0.0))  # ties are among them
    paired = [dict(enumerate(column.tolist())) for column in (first, second)]
    of_pairs = (column[np.newaxis] for column in (first, second))  # a run of each of 40 tasks, the seeds
    expected = probability_of_improvement(*of_pairs)
    assert (first == second).any()
    assert PairedDifference.of(paired[0], paired[1]).probability_of_outperforming == pytest.approx(expected)
    assert PairedDifference.of(paired[0], paired[1], -1).probability_of_outperforming == pytest.approx(1 - expected)

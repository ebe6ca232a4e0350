"""The number of seeds that would decide."""

import numpy as np
import pytest
from scipy import stats

from ablate.stats.seeds_needed import seeds_needed


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


def test_equal_differences_need_two_seeds() -> None:
    assert seeds_needed(0.5, 0.0) == 2

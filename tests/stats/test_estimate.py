"""The confidence interval of a mean."""

import math

import pytest

from ablate.stats.estimate import Estimate


def test_interval_of_three_values_is_4_302653_standard_errors() -> None:
    estimate = Estimate.of([0.7, 0.8, 0.9])  # std 0.1, standard error 0.1 / √3 = 0.0577350
    assert estimate.n == 3
    assert estimate.mean == pytest.approx(0.8)
    assert estimate.std == pytest.approx(0.1)
    assert estimate.half == pytest.approx(0.2484138, abs=1e-6)  # 4.302653 · 0.0577350
    assert estimate.low == pytest.approx(0.5515862, abs=1e-6)
    assert estimate.high == pytest.approx(1.0484138, abs=1e-6)


def test_interval_of_two_values_is_12_7062_standard_errors() -> None:
    estimate = Estimate.of([1.0, 3.0])  # std √2, standard error 1
    assert estimate.half == pytest.approx(12.7062, abs=1e-4)


def test_one_value_has_a_mean_and_no_interval() -> None:
    assert Estimate.of([0.7]) == Estimate(1, 0.7)
    assert Estimate.of([0.7]).half is None


def test_no_value_has_no_mean() -> None:
    assert Estimate.of([]) == Estimate(0)


@pytest.mark.parametrize("values", [[math.nan, 1.0], [math.inf, 1.0], [math.inf, -math.inf], [1e300, -1e300]])
def test_extreme_and_non_finite_values_raise_no_error(values: list[float]) -> None:
    estimate = Estimate.of(values)
    assert estimate.std is not None
    assert not math.isfinite(estimate.std)

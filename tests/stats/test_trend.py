"""Trends along ordered axes."""

import pytest

from ablate.stats.trend import is_geometric, trend_of


def test_the_slope_over_levels_that_double_is_the_change_per_doubling() -> None:
    trend = trend_of({1: {0: 0.5, 1: 0.6}, 2: {0: 0.6, 1: 0.7}, 4: {0: 0.7, 1: 0.8, 2: 0.9}})
    assert trend is not None
    assert trend.doubling
    assert trend.slopes == pytest.approx((0.1, 0.1))
    assert trend.p_value == 0.0


def test_the_slope_over_other_levels_is_the_change_per_level() -> None:
    # scores 1, 2, 6 at ranks −1, 0, 1: (−1 + 6) / 2
    trend = trend_of({30: {0: 6.0}, 10: {0: 1.0}, 20: {0: 2.0}})
    assert trend is not None
    assert trend.levels == (10, 20, 30)
    assert trend.slopes == (2.5,)


@pytest.mark.parametrize("levels", [(1, 2), ("a", "b", "c"), (1, 2, "adaptive")])
def test_two_levels_and_levels_that_are_no_numbers_have_no_trend(levels: tuple[object, ...]) -> None:
    assert trend_of({level: {0: 1.0} for level in levels}) is None  # type: ignore[misc]  # levels of every type


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((1, 2, 4), True),
        ((0.1, 0.3, 1.0), True),
        ((1, 2, 3), False),
        ((10, 20, 30), False),
        ((0, 1, 10), False),
        ((5, 10), False),
    ],
)
def test_levels_are_geometric_where_factors_vary_less_than_steps(levels: tuple[float, ...], expected: bool) -> None:
    assert is_geometric(levels) is expected

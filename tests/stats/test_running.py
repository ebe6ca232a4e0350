"""The comparison with the baseline while a study runs, and Student's distribution without scipy."""

from collections.abc import Callable

import pytest
from scipy.stats import t

from ablate.stats.results import Result
from ablate.stats.running import running_differences
from ablate.stats.student import probability_within, quantile
from ablate.study.model import Study

K = "method.k"
MakeStudy, MakeResult = Callable[..., Study], Callable[..., Result]


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 30, 999])
def test_students_distribution_is_that_of_scipy(freedom: int) -> None:
    for value in (0.01, 0.7, 4.3, 60.0):
        assert probability_within(value, freedom) == pytest.approx(1 - 2 * t.sf(value, freedom), abs=1e-12)
    assert quantile(freedom, 0.95) == pytest.approx(t.ppf(0.975, freedom), rel=1e-9)


def test_finished_seeds_are_compared_with_the_baseline_the_largest_difference_first(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {K: (50, 100, 200)}, "baseline": {K: 100}})
    scores = {50: (0.50, 0.52, 0.54), 100: (0.60, 0.61), 200: (0.61,)}
    found = running_differences(
        study,
        [
            (make_result({K: k}, seed, None).trial, one)
            for k, column in scores.items()
            for seed, one in enumerate(column)
        ],
    )
    assert [(one.label, one.baseline, one.n) for one in found] == [("k=50", "k=100", 2), ("k=200", "k=100", 1)]
    assert [one.mean for one in found] == pytest.approx([-0.095, 0.01])
    assert found[0].half == pytest.approx(12.706204736 * 0.005)  # t(0.975, 1) · 0.00707 / √2
    assert found[1].half is None


def test_without_a_finished_baseline_nothing_is_compared(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({"axes": {K: (50, 100)}})
    assert running_differences(study, [(make_result({K: 100}, 0, None).trial, 0.5)]) == ()

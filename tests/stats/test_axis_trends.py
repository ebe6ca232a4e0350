"""Trends along every axis of a study whose levels are numbers, with Holm's correction."""

import math
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pytest

from ablate.options import Value
from ablate.reporting.content import report_of
from ablate.reporting.json import to_json
from ablate.reporting.latex import to_latex
from ablate.reporting.markdown import to_markdown
from ablate.reporting.write import write_report
from ablate.stats.axis_trends import AxisTrend, trends_of
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study

K, EPSILON = "method.k", "method.epsilon"
METRIC = "linear/accuracy"
Crossed = Callable[..., tuple[Study, list[Result]]]
NOISE = (-0.01, 0.03, 0.01)  # of the slopes along ε by seed: no trend


@pytest.fixture
def crossed(make_study: Callable[..., Study], make_result: Callable[..., Result]) -> Crossed:
    """A function that crosses k with ε; accuracy rises by 0.1 per doubling of k, and along ε by noise."""

    def make(ks: Sequence[Value], epsilons: Sequence[Value]) -> tuple[Study, list[Result]]:
        def score(k: Value, epsilon: Value, seed: int) -> float:
            along_k = 0.1 * math.log2(k) if isinstance(k, int) else 0.5
            return along_k + NOISE[seed] * epsilons.index(epsilon) + 0.01 * seed

        results = [
            make_result({K: k, EPSILON: epsilon}, seed, score(k, epsilon, seed))
            for k, epsilon in product(ks, epsilons)
            for seed in range(3)
        ]
        return make_study({"axes": {K: tuple(ks), EPSILON: tuple(epsilons)}}), results

    return make


def by_axis(study: Study, results: list[Result]) -> dict[str, AxisTrend]:
    return {one.axis: one for one in trends_of(variants_of(study, results, METRIC))}


def test_each_axis_of_a_crossed_study_has_a_trend_with_the_others_at_their_baseline(crossed: Crossed) -> None:
    found = by_axis(*crossed((1, 2, 4), (0.1, 0.2, 0.3)))
    assert found[K].trend.slopes == pytest.approx((0.1, 0.1, 0.1))
    assert (found[K].step, found[K].shown) == ("doubling", True)
    assert found[EPSILON].trend.slopes == pytest.approx(NOISE)
    assert (found[EPSILON].step, found[EPSILON].shown) == ("level", False)
    assert found[EPSILON].p_adjusted == found[EPSILON].p_value  # the larger of two, by Holm's rule once
    assert found[K].p_adjusted == pytest.approx(2 * (found[K].p_value or 0.0))


def test_levels_that_are_no_numbers_and_variants_without_scores_are_left_out(crossed: Crossed) -> None:
    study, results = crossed((1, 2, 4, 8, "adaptive"), (0.1, 0.2))
    found = by_axis(study, [one for one in results if one.levels[K] != 8])
    assert found.keys() == {K}
    assert found[K].trend.levels == (1, 2, 4)


def test_a_trend_that_is_not_shown_is_printed_too_in_every_format(crossed: Crossed) -> None:
    report = report_of(*crossed((1, 2, 4), (0.1, 0.2, 0.3)))
    text = to_markdown(report)
    # mean 0.01, deviation 0.02, half 4.302653 · 0.02 / √3 = 0.0497, t = 0.866
    assert "| epsilon | 0.1, 0.2, 0.3 | 1 ± 5 | per level | 3 | 0.478 | 0.478 | undecided |" in text
    assert "after Holm's correction over these 2 trends." in text
    assert [(one["axis"], one["shown"]) for one in to_json(report)["trends"]] == [(K, True), (EPSILON, False)]
    assert "tab:trends" in to_latex(report)
    assert sum("Along " in sentence for sentence in report.answer) == 1


def test_slopes_are_in_a_table_of_their_own(crossed: Crossed, tmp_path: Path) -> None:
    write_report(report_of(*crossed((1, 2, 4), (0.1, 0.2, 0.3))), tmp_path)
    rows = (tmp_path / "trends.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "dataset,method,axis,per,n,mean,std,low,high,p,p_holm,shown"
    assert rows[2].startswith("fsdd,invariant,method.epsilon,level,3,")

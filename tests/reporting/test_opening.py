"""The first sentences of an answer."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from ablate.reporting.content import report_of
from ablate.reporting.markdown import to_markdown
from ablate.reporting.report import Report
from ablate.stats.results import Result
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
K = "method.k"
BASE = (0.70, 0.72, 0.74)
NOISE = (0.01, -0.02, 0.014)
Make = Callable[..., Report]


@pytest.fixture
def report(make_study: MakeStudy, make_result: MakeResult) -> Make:
    """A function that makes the report of scores along k, of one data set or of several."""

    def make(
        scores: Mapping[str, Mapping[int, Sequence[float]]], metric: str = "linear/accuracy", **fields: object
    ) -> Report:
        levels = tuple(next(iter(scores.values())))
        axes = {K: levels} | ({"dataset": tuple(scores)} if len(scores) > 1 else {})
        study = make_study({"axes": axes, "baseline": {K: 50}}, metric=metric, **fields)
        results = [
            make_result({K: level} | ({"dataset": data} if len(scores) > 1 else {}), seed, score, dataset=data)
            for data, rows in scores.items()
            for level, column in rows.items()
            for seed, score in enumerate(column)
        ]
        return report_of(study, results)

    return make


def shifted(by: float, noise: float = 0.1) -> tuple[float, ...]:
    return tuple(base + by + noise * other for base, other in zip(BASE, NOISE, strict=True))


def test_an_axis_matters_where_a_level_beats_the_baseline_or_is_beaten(report: Make) -> None:
    levels = {50: BASE, 20: shifted(-0.2), 100: shifted(0.1), 200: shifted(0.3)}
    assert report({"fsdd": levels}).answer[0] == (
        "k matters for linear/accuracy: k=200 and k=100 beat the baseline, k=50, which beats k=20."
    )
    assert report({"fsdd": {50: BASE, 20: shifted(-0.2)}}).answer[0] == (
        "k matters for linear/accuracy: the baseline, k=50, beats k=20."
    )


def test_an_axis_without_a_shown_difference_is_open_or_hardly_matters(report: Make) -> None:
    assert report({"fsdd": {50: BASE, 100: shifted(0.0, 1.0)}}).answer[0] == (
        "Whether k matters for linear/accuracy is open: no difference from the baseline, k=50, is shown."
    )
    equal = report({"fsdd": {50: BASE, 100: shifted(0.0, 0.01)}}, margin=0.01)
    assert equal.answer == (
        "k hardly matters for linear/accuracy: no level differs from the baseline, k=50, by 1 percentage point.",
        "With k=100, linear/accuracy differs from that of the baseline k=50 by less than 1 percentage point.",
    )


def test_two_seeds_tell_nothing_of_an_axis(report: Make) -> None:
    (sentence,) = report({"fsdd": {50: BASE[:2], 100: shifted(0.3)[:2]}}).answer
    assert sentence.startswith("Two seeds do not show")


def test_the_answer_over_several_data_sets_comes_first_and_what_is_not_shown_has_one_sentence(
    report: Make,
) -> None:
    some = {50: BASE, 100: shifted(0.1)}
    none = {50: BASE, 100: shifted(0.02, 1.5)}
    found = report({"fsdd": some, "digits": some, "mnist": none, "cifar10": none, "cifar100": none})
    first, axis, fsdd, digits, rest = found.answer
    # a mean of (2 · 0.1 + 3 · 0.022) / 5 = 0.053
    assert first.startswith("Over 5 data sets, k=100 beats the baseline (by 5 ± 5 percentage points, ")
    assert first.endswith("after Holm, t-test of their means).")
    assert axis == "k matters for linear/accuracy on fsdd and digits, 2 of 5 data sets."
    assert fsdd.startswith("On fsdd: Compared with the baseline k=50, linear/accuracy is higher")
    assert digits.startswith("On digits: Compared with the baseline k=50, linear/accuracy is higher")
    assert rest.startswith("No other difference from the baseline was found; about ")


def test_the_main_figure_follows_the_answer_and_precedes_the_results(report: Make) -> None:
    text = to_markdown(report({"fsdd": {50: BASE, 100: shifted(0.1)}}))
    answer, figure, results = (text.index(one) for one in ("## Answer", "(figure-differences.png)", "## Results"))
    assert answer < figure < results < text.index("(figure-1-k.png)")
    assert text.count("(figure-differences.png)") == 1

"""Sentences on what numbers cannot show, and the tables of interactions, data sets and ranks in a report."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ablate.draw.report_figures import draw_figure
from ablate.events import State
from ablate.reporting.content import report_of
from ablate.reporting.json import to_json
from ablate.reporting.limits import limits_of, skewness_caution, width_of_range
from ablate.reporting.markdown import to_markdown
from ablate.stats.results import Result
from ablate.stats.sequential import Looks
from ablate.stats.sequential_power import power_sentence
from ablate.stats.statements import Statement, Verdict
from ablate.stats.variants import variants_of
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"


@pytest.fixture
def limits(make_study: MakeStudy, make_result: MakeResult) -> Callable[[dict[int, list[float | None]]], str]:
    """A function from scores by k to the sentences; None: the trial failed."""

    def found(scores: dict[int, list[float | None]]) -> str:
        study = make_study({"axes": {"method.k": tuple(scores)}})
        results = [
            make_result({"method.k": k}, seed, score, state=State.FAILED if score is None else State.FINISHED)
            for k, column in scores.items()
            for seed, score in enumerate(column)
        ]
        return "\n".join(limits_of(METRIC, variants_of(study, results, METRIC)))

    return found


Limits = Callable[[dict[int, list[float | None]]], str]


def test_two_seeds_and_one_are_told_as_what_they_are(limits: Limits) -> None:
    found = limits({1: [0.5, 0.6], 2: [0.5]})
    assert "Two seeds cannot say how much scores vary: k=1." in found
    assert "One seed has no interval: k=2." in found


def test_an_interval_wider_than_the_metrics_range_is_told(limits: Limits) -> None:
    # 2 · 12.7062 · 0.0707 / √2 = 1.27
    assert "wider than all values that the metric can have says nothing: k=1." in limits({1: [0.5, 0.6], 2: [0.5] * 3})
    assert "wider than" not in limits({1: [0.5, 0.51, 0.52]})


@pytest.mark.parametrize(("variants", "told"), [(1, False), (19, True)])
def test_intervals_that_exclude_zero_without_a_shown_difference_are_told_beside_figure_and_table(
    make_study: MakeStudy, make_result: MakeResult, variants: int, told: bool
) -> None:
    """Differences 0.015, 0.02, 0.025 have t = 6.93 and p = 0.0202; times 19 that is 0.38, by Holm's rule."""
    levels = tuple(range(variants + 1))
    results = [
        make_result({"method.k": level}, seed, 0.5 + (0.015 + 0.005 * seed) * (level > 0))
        for level in levels
        for seed in range(3)
    ]
    report = report_of(make_study({"axes": {"method.k": levels}}), results)
    (figure,) = [one for one in report.figures.results if one.stem == "figure-differences"]
    sentence = (
        "19 of 19 differences are not significant after Holm's correction over all comparisons, though the 95 % "
        "interval, which is of one comparison alone, excludes 0."
    )
    assert (sentence in figure.caption) == told
    table = to_markdown(report).split("### Comparisons with the baseline")[1]
    assert (sentence in table) == told
    assert [one.excludes_zero_unshown for one in report.design.comparisons] == [told] * variants


def test_failed_seeds_count_as_missing_with_a_warning_of_bias(limits: Limits) -> None:
    found = limits({1: [0.5, 0.6, 0.7], 2: [0.5, None, None]})
    assert "2 seeds without a value count as missing, which biases means where the setting is the cause: k=2." in found


def test_what_three_seeds_cannot_show_by_the_sign_flip_test_is_told(limits: Limits) -> None:
    assert "With 3 seeds the sign-flip test has no p-value below 0.25" in limits({1: [0.5, 0.6, 0.7]})
    assert "sign-flip" not in limits({1: [0.5, 0.6, 0.7, 0.5, 0.6, 0.6]})


def test_the_variance_that_intervals_contain_is_told(limits: Limits) -> None:
    found = limits({1: [0.5, 0.6, 0.7]})
    assert found.startswith("Intervals contain the variance over seeds: of initialization")
    assert limits({1: [None]}) == ""


def test_a_study_of_five_data_sets_has_interactions_means_over_them_and_ranks(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    datasets = ("digits", "mnist", "fsdd", "fashion-mnist", "emnist-digits")
    axes = {"method.k": (1, 2), "method.epsilon": (1, 2)}
    study = make_study(*({"dataset": name, "axes": axes} for name in datasets))
    rng = np.random.default_rng(0)
    results = [
        make_result(
            {"method.k": k, "method.epsilon": epsilon},
            seed,
            0.4 + 0.1 * k + 0.02 * epsilon * k + rng.normal(0, 0.003),
            dataset=name,
        )
        for name in datasets
        for k in (1, 2)
        for epsilon in (1, 2)
        for seed in range(4)
    ]
    report = report_of(study, results)
    text = to_markdown(report)
    assert "### Interactions of axes" in text
    assert "| digits, invariant | k=2 × epsilon=2 |" in text
    assert len(report.design.interactions) == 5
    assert all(one.estimate.mean == pytest.approx(0.02, abs=0.01) for one in report.design.interactions)
    assert "### Over all data sets" in text
    assert [one.label for one in report.design.over_datasets] == ["k=1, epsilon=2", "k=2, epsilon=1", "k=2, epsilon=2"]
    assert all(one.estimate.n == 5 for one in report.design.over_datasets)
    assert report.design.ranking is not None
    assert report.design.ranking.labels[0] == "k=2, epsilon=2"
    assert "mean ranks that differ by more than\n2.10 are distinguished at 5 %" in text  # 2.569 √(20 / 30)
    assert "figure-ranks.png" in text
    found = to_json(report)
    assert found["ranking"]["variants"][0] == "k=2, epsilon=2"
    assert (len(found["interactions"]), len(found["over_datasets"])) == (5, 3)
    (spec,) = (figure.spec for figure in report.figures.results if figure.stem == "figure-ranks")
    labels = [label.get_text() for label in draw_figure(spec).axes[0].get_yticklabels()]
    assert labels == list(report.design.ranking.labels)


def test_skewed_differences_are_named_below_the_comparisons(make_study: MakeStudy, make_result: MakeResult) -> None:
    # of n = 8 the skewness is 6 / √7 = 2.27, and its standard error √(6·8·7 / (6·9·11)) = 0.75
    scores = {1: [0.5] * 8, 2: [0.5] * 7 + [0.9], 3: [0.5, 0.6, 0.4, 0.7, 0.3, 0.5, 0.55, 0.45]}
    results = [
        make_result({"method.k": k}, seed, one) for k, column in scores.items() for seed, one in enumerate(column)
    ]
    report = report_of(make_study({"axes": {"method.k": (1, 2, 3)}}), results)
    assert [one.is_skewed for one in report.design.comparisons] == [True, False]
    assert "The differences are skewed of k=2: so few" in to_markdown(report)


@pytest.mark.parametrize(
    ("metric", "width"),
    [
        ("knn-500/error_rate", 1.0),
        ("clustering/best_ari", 1.5),  # from −0.5
        ("gmm/nmi", 1.0),
        ("confident/accuracy_10", 1.0),
        ("nlad/map_smallest_cosine", 2.0),
        ("train/variance_loss", None),
        ("regression/rss", None),
    ],
)
def test_the_width_of_a_metrics_range_is_known_by_its_name(metric: str, width: float | None) -> None:
    assert width_of_range(metric) == width


def test_the_note_on_bold_means_of_added_seeds_says_that_their_number_is_taken_as_fixed(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.k": (1, 2)}})
    rule = Study.model_validate({**study.model_dump(), "seeds": {"at_least": 3, "at_most": 8}})
    results = [make_result({"method.k": k}, seed, k + seed**2 / 100) for k in (1, 2) for seed in range(6)]
    note = "at 5 % (Holm), as if the seeds had been fixed."
    assert note in to_markdown(report_of(rule, results))
    assert note not in to_markdown(report_of(study, results))


SKEWED = (0.0,) * 7 + (0.01,)  # of n = 8 the skewness is 2.27, three of its standard errors


def test_a_verdict_names_the_skewed_statements_that_it_rests_on() -> None:
    even = tuple(0.001 * one for one in (-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2))
    skewed, plain = Statement("a is above b", SKEWED, -0.02), Statement("a is above c", even, -0.02)
    assert skewness_caution(Verdict((skewed, plain))) == (
        "Skewed, so that so few values decide by error in more than 5 % of studies: a is above b."
    )
    assert skewness_caution(Verdict((plain,))) == ""
    refuted = Statement("a is above d", even, 0.02)
    assert skewness_caution(Verdict((skewed, refuted))) == ""  # it disagrees by the other one alone


def test_a_verdict_of_few_seeds_says_that_skewness_cannot_be_seen_and_an_undecided_one_says_nothing() -> None:
    few = Statement("a is above b", (0.010, 0.011, 0.012), 0.0)
    assert skewness_caution(Verdict((few,))).startswith("Fewer than 6 seeds do not show whether differences are skewed")
    assert skewness_caution(Verdict((Statement("a is above b", (-1.0, 0.1, 1.0), 0.0),))) == ""


def test_the_caution_of_a_verdict_stands_behind_it(make_study: MakeStudy, make_result: MakeResult) -> None:
    axis, means = "method.transformation", {"np": 0.4, "vat": 0.9}
    study = make_study({"axes": {axis: tuple(means)}}, paper={"id": "invariant-features", "ablation": "transformation"})
    results = [make_result({axis: one}, seed, mean + SKEWED[-seed]) for one, mean in means.items() for seed in range(8)]
    results = [replace(one, metrics={METRIC: 0.4}) if one.levels[axis] == "np" else one for one in results]
    report = report_of(study, results)
    caution = "Skewed, so that so few values decide by error in more than 5 % of studies: linear_accuracy, FSDD: VAT is"
    (line,) = [line for line in to_markdown(report).splitlines() if line.startswith("**Agrees in part: 2 of 4 levels")]
    assert "The one statement tested is supported at 5 %." in line
    assert caution in to_markdown(report)
    assert (to_json(report)["paper"]["verdicts"][0]["caution"] or "").startswith(caution)


def test_the_report_of_added_seeds_tells_the_power_of_their_rule(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.k": (1, 2)}})
    rule = Study.model_validate({**study.model_dump(), "seeds": {"at_least": 3, "at_most": 8}})
    results = [make_result({"method.k": k}, seed, k + seed**2 / 100) for k in (1, 2) for seed in range(6)]
    fixed, added = report_of(study, results), report_of(rule, results)
    told = power_sentence(Looks(3, 8, 1))
    assert fixed.design.power == ""
    assert added.design.power == told == to_json(added)["power"]
    assert told.startswith("a difference of 1 standard deviation is found in ")
    assert f"A{told[1:]}." in " ".join(to_markdown(added).split())

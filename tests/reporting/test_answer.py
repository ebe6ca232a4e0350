"""The sentences that answer a study's question."""

import re
from collections.abc import Callable, Mapping, Sequence

import pytest

from ablate.reporting.answer import answer
from ablate.stats.across_datasets import differences_over_datasets
from ablate.stats.axis_trends import trends_of
from ablate.stats.comparisons import compare_with_baselines
from ablate.stats.results import Result
from ablate.stats.running import running_differences
from ablate.stats.variants import variants_of
from ablate.study.model import Study
from ablate.study.seeds import SeedRule

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"


def sentences(
    make_study: MakeStudy, make_result: MakeResult, scores: Mapping[int, Sequence[float]], margin: float | None = None
) -> tuple[str, ...]:
    """The answer on an axis k, whose baseline is its first level."""
    study = make_study({"axes": {"method.k": tuple(scores)}})
    results = [
        make_result({"method.k": level}, seed, score)
        for level, column in scores.items()
        for seed, score in enumerate(column)
    ]
    variants = variants_of(study, results, METRIC)
    return answer(compare_with_baselines(variants, 1, margin), trends_of(variants))


def test_a_difference_is_given_with_interval_seeds_and_p(make_study: MakeStudy, make_result: MakeResult) -> None:
    found = sentences(make_study, make_result, {50: [0.70, 0.72, 0.74], 100: [0.80, 0.83, 0.83]})
    # differences 0.10, 0.11, 0.09: deviation 0.01, half 4.302653 · 0.01 / √3
    assert found == (
        "Compared with the baseline k=50, linear/accuracy is higher for k=100 "
        "(by 10.0 ± 2.5 percentage points, 3 seeds, p = 0.003 after Holm).",
    )


def test_a_lower_variant_is_lower_by_a_positive_number(make_study: MakeStudy, make_result: MakeResult) -> None:
    found = sentences(make_study, make_result, {50: [0.80, 0.83, 0.83], 100: [0.70, 0.72, 0.74]})
    assert found == (
        "Compared with the baseline k=50, linear/accuracy is lower for k=100 "
        "(by 10.0 ± 2.5 percentage points, 3 seeds, p = 0.003 after Holm).",
    )


def test_where_every_variant_is_lower_the_smallest_and_the_largest_difference_are_given(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    baseline = [0.80, 0.83, 0.83]
    lower = {
        k: [a - k / 1000 - b for a, b in zip(baseline, (0.0, 0.001, -0.001), strict=True)] for k in range(100, 600, 100)
    }
    found = sentences(make_study, make_result, {50: baseline, **lower})
    assert found[0].startswith(
        "Compared with the baseline k=50, linear/accuracy is lower for every other variant: "
        "the smallest difference is that of k=100 (by "
        "10.00 ± 0.25 percentage points, 3 seeds, p < 0.001 after Holm), the largest that of k=500 (by 50.00 ± 0.25 "
    )


def test_an_open_comparison_says_how_many_seeds_would_decide(make_study: MakeStudy, make_result: MakeResult) -> None:
    found = sentences(make_study, make_result, {50: [0.70, 0.72, 0.74], 100: [0.71, 0.70, 0.77]})
    assert len(found) == 1
    assert found[0].startswith("No difference from k=50 was found for k=100; about ")
    assert found[0].endswith("seeds would show differences of this size.")


def test_many_variants_none_of_which_differs_are_not_named(make_study: MakeStudy, make_result: MakeResult) -> None:
    noise = {100: [0.71, 0.70, 0.77], 200: [0.70, 0.75, 0.72], 300: [0.72, 0.71, 0.75], 400: [0.69, 0.74, 0.75]}
    found = sentences(make_study, make_result, {50: [0.70, 0.72, 0.74], **noise, 500: [0.73, 0.69, 0.75]})
    assert found[0].startswith("No difference from k=50 was found for any variant; about ")


def test_a_margin_makes_equal_variants_equivalent(make_study: MakeStudy, make_result: MakeResult) -> None:
    scores = {50: [0.700, 0.720, 0.740], 100: [0.701, 0.720, 0.739]}
    found = sentences(make_study, make_result, scores, margin=0.01)
    assert found == (
        "With k=100, linear/accuracy differs from that of the baseline k=50 by less than 1 percentage point.",
    )
    wider = {50: [0.70, 0.72, 0.74], 100: [0.71, 0.70, 0.77]}
    found = sentences(make_study, make_result, wider, margin=0.01)[0]
    assert re.search(
        r"; about \d+ seeds would show (differences of this size|that it is below 1 percentage point)\.$", found
    )


def test_seeds_to_decide_are_those_of_the_difference_or_of_the_margin_and_more_than_were_run(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    """Of k=100 the mean difference is 0.022 ± 0.027, nearer to 0.04 than to 0; of k=200 it is 0.012 ± 0.036."""
    deviations = [-1.5, -1.0, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 1.0, 1.5]
    scores = {
        50: [0.5] * 10,
        100: [0.522 + 0.042 * one for one in deviations],
        200: [0.512 + 0.057 * one for one in deviations],
    }
    found = sentences(make_study, make_result, scores, margin=0.04)
    assert len(found) == 1
    pattern = (
        r"about (\d+) seeds would show differences of this size for k=100, "
        r"and about (\d+) seeds would show that it is below 4 percentage points for k=200\."
    )
    counts = re.search(pattern, found[0])
    assert counts, found
    assert all(int(count) > 10 for count in counts.groups())


def test_comparisons_of_added_seeds_name_their_look_and_those_that_stay_open(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.k": (50, 100, 200)}})
    rule = SeedRule(at_least=3, at_most=8)
    noise = (0.0, 0.01, -0.01, 0.02, -0.02, 0.015, -0.012, 0.004)
    results = [
        make_result({"method.k": level}, seed, 0.5 + shift + factor * noise[seed])
        for level, shift, factor in ((50, 0.0, 1.0), (100, 0.3, 1.1), (200, 0.0, -1.0))
        for seed in range(8 if level != 100 else 7)
    ]

    def found(some: Sequence[Result]) -> tuple[str, ...]:
        return answer(compare_with_baselines(variants_of(study, some, METRIC), 1, None, rule))

    higher, still_open = found(results)
    assert re.fullmatch(
        r"Compared with the baseline k=50, linear/accuracy is higher for k=100 "
        r"\(by 30\.0\d* \(29\.\d+ to 30\.\d+\) percentage points, 7 seeds, "
        r"decided at look 1 of 2\)\.",
        higher,
    ), higher
    assert still_open == "No difference from k=50 was found for k=200 with 8 seeds, the most of this study."
    assert found(results[:7] + results[8:22])[1] == (
        "For k=200 the comparison with k=50 is undecided so far; seeds are added."
    )
    first_seeds = [result for result in results if result.seed < 3]
    assert found(first_seeds) == ("Nothing is decided yet: the first look that can decide is at 7 seeds.",)


def test_two_seeds_cannot_say(make_study: MakeStudy, make_result: MakeResult) -> None:
    found = sentences(make_study, make_result, {50: [0.7, 0.7], 100: [0.9, 0.9]})
    assert found[0].startswith("Two seeds do not show whether linear/accuracy differs")


def test_without_a_second_variant_there_is_no_answer(make_study: MakeStudy, make_result: MakeResult) -> None:
    assert sentences(make_study, make_result, {50: [0.7, 0.7]}) == ()


def test_a_trend_over_levels_that_double_is_told(make_study: MakeStudy, make_result: MakeResult) -> None:
    scores = {1: [0.50, 0.51, 0.52], 2: [0.60, 0.62, 0.61], 4: [0.70, 0.71, 0.72]}
    # every seed rises by 0.2 over two doublings: the slope is 0.1 for each
    assert (
        "Along k, linear/accuracy rises by 10.00 ± 0 percentage points per doubling "
        "(p < 0.001 after Holm, paired slopes)." in sentences(make_study, make_result, scores)
    )


def test_a_trend_that_the_means_do_not_follow_from_level_to_level_is_told_with_its_extremes(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    scores = {1: [0.70, 0.71, 0.72], 2: [0.77, 0.78, 0.79], 4: [0.64, 0.65, 0.66]}
    # every seed falls by 0.06 over two doublings, though the middle level is the best
    assert (
        "Along k, linear/accuracy falls by 3.000 ± 0 percentage points per doubling "
        "(p < 0.001 after Holm, paired slopes), but not from each level to the next: "
        "its mean is lowest at k=4 and highest at k=2."
    ) in sentences(make_study, make_result, scores)


def test_data_sets_on_an_axis_are_each_compared_with_their_own_baseline(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"dataset": ("fsdd", "digits", "mnist"), "method.k": (50, 100)}})
    shifts = {"fsdd": 0.0, "digits": 0.3, "mnist": 0.2}  # far apart, which says nothing of k
    results = [
        make_result({"dataset": data, "method.k": k}, seed, 0.5 + shift + noise * k / 50, dataset=data)
        for data, shift in shifts.items()
        for k in (50, 100)
        for seed, noise in enumerate((0.1, 0.11, 0.12))
    ]
    comparisons = compare_with_baselines(variants_of(study, results, METRIC), 1)
    assert [(one.variant.levels["method.k"], one.baseline.config.dataset) for one in comparisons] == [
        (100, "fsdd"),
        (100, "digits"),
        (100, "mnist"),
    ]
    assert [one.estimate.mean for one in comparisons] == pytest.approx([0.11] * 3)
    assert answer(comparisons)[1].startswith(
        "On digits: Compared with the baseline k=50, linear/accuracy is higher for k=100 (by"
    )
    (over,) = differences_over_datasets(comparisons)
    assert (over.label, list(over.by_dataset)) == ("k=100", list(shifts))
    running = running_differences(study, [(one.trial, one.metrics[METRIC]) for one in results])
    assert {(one.label, one.baseline, one.n) for one in running} == {
        (f"{data}, k=100", f"{data}, k=50", 3) for data in shifts
    }


def test_data_sets_that_alone_vary_are_compared_with_the_first(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({"axes": {"dataset": ("fsdd", "digits")}})
    results = [
        make_result({"dataset": data}, seed, 0.5, dataset=data) for data in ("fsdd", "digits") for seed in (0, 1)
    ]
    (one,) = compare_with_baselines(variants_of(study, results, METRIC), 1)
    assert (one.variant.config.dataset, one.baseline.config.dataset) == ("digits", "fsdd")

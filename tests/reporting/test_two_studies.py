"""Two studies compared: settings that differ, and variants that both have."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from scipy.stats import ttest_ind

from ablate.reporting.two_studies import StudyResults, TwoStudies, compare_studies
from ablate.reporting.two_studies_formats import answer, comparison_json, comparison_markdown
from ablate.stats.results import Result
from ablate.stats.unpaired import unpaired_difference
from ablate.study.model import Study

AXIS = "method.epsilon"
Side = Callable[..., StudyResults]


@pytest.fixture
def side(make_study: Callable[..., Study], make_result: Callable[..., Result]) -> Side:
    """A function that makes a study with a mean for each level, three seeds, and little noise."""

    def make(label: str, means: Mapping[float, float], seeds: Any = (0, 1, 2), epochs: int = 20) -> StudyResults:
        study = make_study({"axes": {AXIS: tuple(means)}}, seeds=seeds)
        results = [
            make_result({AXIS: level}, seed, mean + 0.001 * seed * level, training={"epochs": epochs})
            for level, mean in means.items()
            for seed in seeds
        ]
        return StudyResults(label, study, tuple(results))

    return make


@pytest.fixture
def found(side: Side) -> TwoStudies:
    first = side("old", {1.0: 0.5, 2.0: 0.6, 4.0: 0.7})
    return compare_studies(first, side("new", {1.0: 0.5, 2.0: 0.65, 8.0: 0.9}, epochs=40))


def test_only_settings_that_differ_are_listed(found: TwoStudies) -> None:
    assert [(one.name, one.first, one.second) for one in found.settings] == [
        *((AXIS, "1, 2, 4", "1, 2, 8"), ("training.epochs", "20", "40")),
    ]


def test_variants_of_both_are_compared_by_seed_and_the_others_are_listed(found: TwoStudies) -> None:
    assert [one.label for one in found.shared] == ["epsilon=1", "epsilon=2"]
    assert [one.difference.mean for one in found.shared] == pytest.approx([0.0, 0.05])
    assert [(one.paired, one.same_trials, one.differs) for one in found.shared] == [
        *((True, False, False), (True, False, True)),
    ]
    assert (found.only_first, found.only_second) == (("epsilon=4",), ("epsilon=8",))
    assert answer(found) == "linear/accuracy differs in 1 of 2 variants that both have: epsilon=2."


def test_the_texts_hold_both_means_and_the_variants_of_one_study(found: TwoStudies) -> None:
    text = comparison_markdown(found)
    assert "| training.epochs | 20 | 40 |" in text
    assert "| epsilon=2 | 60.2 ± 0.5 | 65.2 ± 0.5 | 5.000 ± 0 | by seed | 3 |" in text
    assert "- only old: epsilon=4" in text
    assert "![Differences, seed by seed](figure-differences.png)" in text
    assert [one["differs"] for one in comparison_json(found)["variants"]] == [False, True]


def test_studies_that_share_trials_say_so_and_have_no_differing_setting(side: Side) -> None:
    found = compare_studies(side("one", {1.0: 0.5}), side("other", {1.0: 0.5}))
    assert found.settings == ()
    assert found.shared[0].same_trials
    assert found.figure is None
    assert answer(found) == "1 of the variants that both have are the same trials."
    assert "None: both studies have the same settings" in comparison_markdown(found)


def test_without_common_seeds_samples_are_independent(side: Side) -> None:
    found = compare_studies(side("one", {1.0: 0.5}), side("other", {1.0: 0.6}, seeds=(3, 4, 5, 6)))
    (shared,) = found.shared
    scores = [0.603, 0.604, 0.605, 0.606], [0.5, 0.501, 0.502]
    oracle = ttest_ind(*scores, equal_var=False)
    interval = oracle.confidence_interval()
    assert not shared.paired
    assert shared.p_value == pytest.approx(oracle.pvalue)
    assert (shared.difference.low, shared.difference.high) == pytest.approx((interval.low, interval.high))


def test_a_level_that_the_other_study_has_fixed_is_matched(
    side: Side, make_study: Callable[..., Study], make_result: Callable[..., Result]
) -> None:
    fixed = make_study({"fixed": {AXIS: 2}})
    trial = make_result({AXIS: 2}, 0, 0.7).trial
    results = tuple(
        Result(type(trial)(trial.config.seeded(seed), trial.probes, trial.study), result.state, result.metrics)
        for seed in range(3)
        for result in [make_result({AXIS: 2}, seed, 0.7)]
    )
    found = compare_studies(side("axis", {1.0: 0.5, 2.0: 0.6}), StudyResults("fixed", fixed, results))
    assert [one.label for one in found.shared] == ["epsilon=2"]
    assert found.only_first == ("epsilon=1",)


def test_a_sample_of_one_has_no_interval_and_no_p() -> None:
    estimate, p = unpaired_difference([0.5], [0.25, 0.5])
    assert (estimate.n, estimate.mean, estimate.low, p) == (1, 0.125, None, None)

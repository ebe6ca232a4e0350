"""Means, intervals and counts, by hand."""

import math
from collections.abc import Callable

import pytest

from ablate.stats.results import Result
from ablate.stats.variants import Estimate, frame, variants
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
Make = Callable[..., Result]
METRIC = "linear/accuracy"
K = {"axes": {"method.k": (50, 100)}, "baseline": {"method.k": 100}}


def test_three_seeds_have_an_interval_of_4_302653_standard_errors() -> None:
    estimate = Estimate.of([0.7, 0.8, 0.9])  # std 0.1, standard error 0.1 / √3 = 0.0577350
    assert estimate.n == 3
    assert estimate.mean == pytest.approx(0.8)
    assert estimate.std == pytest.approx(0.1)
    assert estimate.half == pytest.approx(0.2484138, abs=1e-6)  # 4.302653 · 0.0577350
    assert estimate.low == pytest.approx(0.5515862, abs=1e-6)
    assert estimate.high == pytest.approx(1.0484138, abs=1e-6)


def test_one_seed_has_a_mean_and_no_interval_and_none_has_nothing() -> None:
    assert Estimate.of([0.7]) == Estimate(1, 0.7)
    assert Estimate.of([]) == Estimate(0)
    assert Estimate.of([0.7]).half is None


def test_variants_stand_in_the_order_of_the_studys_levels(study: MakeStudy, result: Make) -> None:
    results = [result({"method.k": k}, seed, 0.5) for seed in range(3) for k in (100, 50)]
    found = variants(study(K), results, METRIC)
    assert [one.levels["method.k"] for one in found] == [50, 100]
    assert [one.baseline for one in found] == [False, True]
    assert [one.estimate.n for one in found] == [3, 3]


def test_seeds_that_did_not_end_are_missing_and_not_averaged(study: MakeStudy, result: Make) -> None:
    results = [
        result({"method.k": 50}, 0, 0.6),
        result({"method.k": 50}, 1, 0.9, status="RUNNING"),
    ]
    (found,) = variants(study(K), results, METRIC)
    assert found.missing == (1, 2)
    assert found.estimate == Estimate(1, 0.6)


def test_failed_and_non_finite_seeds_are_counted_and_not_averaged(study: MakeStudy, result: Make) -> None:
    results = [
        result({"method.k": 50}, 0, 0.6),
        result({"method.k": 50}, 1, math.nan),
        result({"method.k": 50}, 2, None, status="FAILED", reason="loss is inf"),
    ]
    (found,) = variants(study(K), results, METRIC)
    assert found.failed == {1: "linear/accuracy is nan", 2: "loss is inf"}
    assert found.missing == ()
    assert found.estimate == Estimate(1, 0.6)


def test_one_setting_on_two_data_sets_is_two_variants_each_with_its_own_baseline(
    study: MakeStudy, result: Make
) -> None:
    asked = study(
        {"axes": {"method.epsilon": (1, 5)}, "baseline": {"method.epsilon": 5}},
        {"dataset": "20newsgroups", "axes": {"method.epsilon": (5, 20)}, "baseline": {"method.epsilon": 20}},
    )
    results = [
        *(result({"method.epsilon": level}, 0, 0.5) for level in (1, 5)),
        *(result({"method.epsilon": level}, 0, 0.5, dataset="20newsgroups") for level in (5, 20)),
    ]
    found = variants(asked, results, METRIC)
    assert [(one.config.dataset, one.levels["method.epsilon"], one.baseline) for one in found] == [
        ("fsdd", 1, False),
        ("fsdd", 5, True),
        ("20newsgroups", 5, False),
        ("20newsgroups", 20, True),
    ]


def test_trials_of_an_earlier_form_of_the_study_are_left_out(study: MakeStudy, result: Make) -> None:
    asked = study({**K, "fixed": {"training.epochs": 20}})
    results = [
        result({"method.k": 50}, 0, 0.5),
        result({"method.k": 70}, 0, 0.5),  # no level any more
        result({"method.k": 50}, 0, 0.9, training={"epochs": 5000}),  # another profile
        result({"method.epsilon": 2}, 0, 0.5),
    ]
    (found,) = variants(asked, results, METRIC)
    assert found.scores == {0: 0.5}


def test_a_method_may_vary_on_an_axis(study: MakeStudy, result: Make) -> None:
    asked = study({"axes": {"method": ("invariant", "pca")}})
    results = [result({"method": name}, 0, 0.5, method=name) for name in ("pca", "invariant")]
    assert [one.level("method") for one in variants(asked, results, METRIC)] == ["invariant", "pca"]


def test_levels_of_every_kind_are_kept_apart(study: MakeStudy, result: Make) -> None:
    levels = (None, "adaptive", 0.5, True)
    asked = study({"axes": {"method.smoothness": levels}})
    results = [result({"method.smoothness": level}, 0, 0.5) for level in reversed(levels)]
    found = variants(asked, results, METRIC)
    assert [one.levels["method.smoothness"] for one in found] == list(levels)
    assert [one.baseline for one in found] == [True, False, False, False]


def test_proposals_of_a_search_stay_in_their_order(study: MakeStudy, result: Make) -> None:
    search = {"trials": 3, "objectives": {METRIC: "maximize"}, "space": {"method.k": {"low": 1, "high": 9}}}
    results = [result({"method.k": k}, 0, 0.5) for k in (7, 2, 5)]
    found = variants(study({"design": "search"}, search=search), results, METRIC)
    assert [one.levels["method.k"] for one in found] == [7, 2, 5]
    assert not any(one.baseline for one in found)


def test_the_frame_has_a_row_for_each_variant_and_a_column_for_each_axis(study: MakeStudy, result: Make) -> None:
    results = [result({"method.k": k}, seed, score) for k in (50, 100) for seed, score in enumerate((0.7, 0.8, 0.9))]
    table = frame(variants(study(K), results, METRIC))
    assert list(table.columns) == [
        *("dataset", "method", "method.k", "n", "mean", "low", "high", "std", "baseline", "failed", "missing"),
    ]
    assert table["method.k"].tolist() == [50, 100]
    assert table["mean"].tolist() == pytest.approx([0.8, 0.8])
    assert table["baseline"].tolist() == [False, True]
    assert len(frame([])) == 0

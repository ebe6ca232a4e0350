"""Grouping results into variants."""

import math
from collections.abc import Callable
from dataclasses import replace

from ablate.events import State
from ablate.stats.estimate import Estimate
from ablate.stats.results import Result
from ablate.stats.variants import case_of, variants_of
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"
K = {"axes": {"method.k": (50, 100)}, "baseline": {"method.k": 100}}


def test_variants_are_in_the_order_of_the_studys_levels(make_study: MakeStudy, make_result: MakeResult) -> None:
    results = [make_result({"method.k": k}, seed, 0.5) for seed in range(3) for k in (100, 50)]
    variants = variants_of(make_study(K), results, METRIC)
    assert [variant.levels["method.k"] for variant in variants] == [50, 100]
    assert [variant.baseline for variant in variants] == [False, True]
    assert [variant.estimate.n for variant in variants] == [3, 3]


def test_seeds_that_have_not_ended_are_missing_and_not_averaged(make_study: MakeStudy, make_result: MakeResult) -> None:
    results = [
        make_result({"method.k": 50}, 0, 0.6),
        make_result({"method.k": 50}, 1, 0.9, state=State.RUNNING),
    ]
    (variant,) = variants_of(make_study(K), results, METRIC)
    assert variant.missing == (1, 2)
    assert variant.estimate == Estimate(1, 0.6)


def test_failed_and_non_finite_seeds_are_counted_and_not_averaged(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    results = [
        make_result({"method.k": 50}, 0, 0.6),
        make_result({"method.k": 50}, 1, math.nan),
        make_result({"method.k": 50}, 2, None, state=State.FAILED, reason="loss is inf"),
    ]
    (variant,) = variants_of(make_study(K), results, METRIC)
    assert variant.failed == {2: "loss is inf"}
    assert variant.no_value == {1: "linear/accuracy is nan"}
    assert variant.missing == ()
    assert variant.estimate == Estimate(1, 0.6)


def test_the_same_level_on_two_data_sets_is_two_variants_with_baselines_of_their_own(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study(
        {"axes": {"method.epsilon": (1, 5)}, "baseline": {"method.epsilon": 5}},
        {"dataset": "20newsgroups", "axes": {"method.epsilon": (5, 20)}, "baseline": {"method.epsilon": 20}},
    )
    results = [
        *(make_result({"method.epsilon": level}, 0, 0.5) for level in (1, 5)),
        *(make_result({"method.epsilon": level}, 0, 0.5, dataset="20newsgroups") for level in (5, 20)),
    ]
    variants = variants_of(study, results, METRIC)
    assert [(variant.config.dataset, variant.levels["method.epsilon"], variant.baseline) for variant in variants] == [
        ("fsdd", 1, False),
        ("fsdd", 5, True),
        ("20newsgroups", 5, False),
        ("20newsgroups", 20, True),
    ]


def test_results_of_an_earlier_version_of_the_study_file_are_left_out(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({**K, "fixed": {"training.epochs": 20}})
    results = [
        make_result({"method.k": 50}, 0, 0.5),
        make_result({"method.k": 70}, 0, 0.5),  # no longer a level
        make_result({"method.k": 50}, 0, 0.9, training={"epochs": 5000}),  # another profile
        make_result({"method.epsilon": 2}, 0, 0.5),
    ]
    (variant,) = variants_of(study, results, METRIC)
    assert variant.scores == {0: 0.5}


def test_a_result_belongs_to_the_case_whose_label_it_has_else_to_the_one_that_fixes_most(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    long, paper = {"fixed": {"training.epochs": 20}}, {"defaults": "simvae"}  # a trial of either fits every case
    study = make_study({"name": "plain"}, {"name": "long", **long}, {"name": "paper", **paper})
    result = make_result({}, 0, 0.5)
    labels = {case: replace(result.trial, case=case) for case in ("plain", "long", "paper", "")}
    assert {case: case_of(study, trial) for case, trial in labels.items()} == {"plain": 0, "long": 1, "paper": 2, "": 1}


def test_methods_on_an_axis_are_variants_in_the_axis_order(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({"axes": {"method": ("invariant", "pca")}})
    results = [make_result({"method": name}, 0, 0.5, method=name) for name in ("pca", "invariant")]
    assert [variant.level("method") for variant in variants_of(study, results, METRIC)] == ["invariant", "pca"]


def test_levels_of_different_types_are_different_variants(make_study: MakeStudy, make_result: MakeResult) -> None:
    levels = (None, "adaptive", 0.5, True)
    study = make_study({"axes": {"method.sinkhorn_lambda": levels}})
    results = [make_result({"method.sinkhorn_lambda": level}, 0, 0.5) for level in reversed(levels)]
    variants = variants_of(study, results, METRIC)
    assert [variant.levels["method.sinkhorn_lambda"] for variant in variants] == list(levels)
    assert [variant.baseline for variant in variants] == [True, False, False, False]


def test_variants_of_a_search_keep_the_order_of_its_proposals(make_study: MakeStudy, make_result: MakeResult) -> None:
    search = {"trials": 3, "objectives": {METRIC: "maximize"}, "space": {"method.k": {"low": 1, "high": 9}}}
    results = [make_result({"method.k": k}, 0, 0.5) for k in (7, 2, 5)]
    variants = variants_of(make_study({"design": "search"}, search=search), results, METRIC)
    assert [variant.levels["method.k"] for variant in variants] == [7, 2, 5]
    assert not any(variant.baseline for variant in variants)

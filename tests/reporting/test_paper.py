"""Which of the paper's values, findings and settings belong to a study."""

from collections.abc import Callable
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.options import Value
from ablate.reporting.paper import (
    Difference,
    ablations_of,
    differences,
    place_in_paper,
    printed_value,
    stand_ins,
)
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study
from ablate.study.seeds import SeedRule

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"
TRANSFORMATION: dict[str, Any] = {
    "axes": {"method.transformation": ("np", "rp", "rp+vat", "vat")},
    "baseline": {"method.transformation": "vat"},
}
TABLE_FIVE = {"id": "invariant-features", "table": "V"}


def values(study: Study, results: list[Result]) -> list[float | None]:
    """The values that the paper prints for the variants."""
    ablations = ablations_of(study, METRIC)
    rows = [printed_value(study, ablations, one, METRIC) for one in variants_of(study, results, METRIC)]
    return [row.value if row else None for row in rows]


def test_each_transformation_has_its_value_of_table_five(make_study: MakeStudy, make_result: MakeResult) -> None:
    results = [make_result({"method.transformation": level}, 0, 0.5) for level in ("np", "rp", "rp+vat", "vat")]
    assert values(make_study(TRANSFORMATION, paper=TABLE_FIVE), results) == [0.379, 0.531, 0.847, 0.869]


def test_each_placement_of_batch_normalisation_has_its_value_of_table_six(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    levels = ("none", "encoder", "classifier", "both")
    study = make_study({"axes": {"method.batchnorm": levels}}, paper={"id": "invariant-features", "table": "VI"})
    results = [make_result({"method.batchnorm": level}, 0, 0.5) for level in levels]
    assert values(study, results) == [0.824, 0.871, 0.755, 0.869]


def test_results_that_the_paper_only_draws_as_curves_have_no_value(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.epsilon": (1, 5)}}, paper={"id": "invariant-features", "figure": 6})
    assert values(study, [make_result({"method.epsilon": level}, 0, 0.5) for level in (1, 5)]) == [None, None]


def test_studies_without_a_paper_and_other_data_sets_have_no_value(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    one = make_result({"method.transformation": "vat"}, 0, 0.5)
    assert values(make_study(TRANSFORMATION), [one]) == [None]
    digits = make_result({"method.transformation": "vat"}, 0, 0.5, dataset="digits")
    assert values(make_study({**TRANSFORMATION, "dataset": "digits"}, paper=TABLE_FIVE), [digits]) == [None]


def test_a_data_set_that_replaces_the_papers_has_no_value(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({**TRANSFORMATION, "dataset": "mnist"}, paper=TABLE_FIVE)
    assert values(study, [make_result({"method.transformation": "vat"}, 0, 0.5, dataset="mnist")]) == [None]
    assert stand_ins(study) == {"mnist": "EMNIST-Digits"}


@pytest.mark.parametrize(("k", "value"), [(50, None), (100, 0.869), (200, None)])
def test_an_axis_that_the_table_does_not_vary_must_be_at_the_papers_fixed_value(
    make_study: MakeStudy, make_result: MakeResult, k: Value, value: float | None
) -> None:
    axes = {"method.transformation": ("np", "vat"), "method.k": (50, 100, 200)}  # the paper has k = 100
    study = make_study({"axes": axes}, paper=TABLE_FIVE)
    assert values(study, [make_result({"method.transformation": "vat", "method.k": k}, 0, 0.5)]) == [value]


@pytest.mark.parametrize(("level", "value"), [("mlp", 0.869), ("cnn", None)])
def test_an_axis_that_the_paper_does_not_name_must_be_at_the_studys_baseline(
    make_study: MakeStudy, make_result: MakeResult, level: Value, value: float | None
) -> None:
    axes = {"method.transformation": ("np", "vat"), "method.network": ("mlp", "cnn")}
    study = make_study({"axes": axes}, paper=TABLE_FIVE)
    assert values(study, [make_result({"method.transformation": "vat", "method.network": level}, 0, 0.5)]) == [value]


def test_autoencoders_have_their_value_with_and_without_batch_norm_since_the_paper_reports_the_better(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    axes = {"method": ("ae", "pca"), "method.batchnorm": (False, True)}
    study = make_study({"axes": axes}, paper={"id": "invariant-features", "table": "II"})
    results = [
        make_result({"method": name, "method.batchnorm": level}, 0, 0.5, method=name)
        for name in ("ae", "pca")
        for level in (False, True)
    ]
    off, on, first, other = values(study, results)
    assert off == on
    assert off is not None
    assert (first, other) == (0.759, None)  # of any other method only at the baseline


def test_methods_have_their_values_as_cases_and_as_an_axis(make_study: MakeStudy, make_result: MakeResult) -> None:
    paper = {"id": "invariant-features", "table": "II"}
    cases = make_study({"method": "pca"}, {"method": "invariant"}, paper=paper)
    assert values(cases, [make_result({}, 0, 0.5, method=name) for name in ("pca", "invariant")]) == [0.759, 0.869]
    axis = make_study({"axes": {"method": ("pca", "invariant")}}, paper=paper)
    results = [make_result({"method": name}, 0, 0.5, method=name) for name in ("pca", "invariant")]
    assert values(axis, results) == [0.759, 0.869]


def test_ablations_are_chosen_by_the_studys_data_sets(make_study: MakeStudy) -> None:
    paper = {"id": "invariant-features", "figure": 6}
    speech = make_study({"axes": {"method.epsilon": (1, 5)}}, paper=paper)
    text = make_study({"dataset": "20newsgroups", "axes": {"method.epsilon": (10, 20)}}, paper=paper)
    other = make_study({"dataset": "digits", "axes": {"method.epsilon": (1, 5)}}, paper=paper)
    assert [known.id for known in ablations_of(speech, METRIC)] == ["invariant/epsilon"]
    assert [known.id for known in ablations_of(text, METRIC)] == ["invariant/epsilon_text"]
    assert len(ablations_of(other, METRIC)) == 2


def test_ablations_are_chosen_by_the_studys_metric_and_axis(make_study: MakeStudy) -> None:
    study = make_study({}, paper={"id": "invariant-features", "table": "II"})
    assert [known.id for known in ablations_of(study, "graph/accuracy")] == ["invariant/method_graph"]
    policy = make_study({"axes": {"method.sinkhorn_lambda": (0.5,)}}, paper={"id": "invariant-features", "figure": 7})
    assert [known.id for known in ablations_of(policy, METRIC)] == ["invariant/lambda_policy"]


def test_a_paper_without_a_place_has_no_ablations_and_an_unknown_place_is_refused(make_study: MakeStudy) -> None:
    assert place_in_paper(make_study({}, paper={"id": "vte"})) == ""
    assert ablations_of(make_study({}, paper={"id": "vte"}), METRIC) == ()
    with pytest.raises(StudyError, match="'vte' has no ablation in 'Table 9'"):
        ablations_of(make_study({}, paper={"id": "vte", "table": 9}), METRIC)


def test_differences_are_the_numbers_that_the_paper_fixes_at_other_values(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.epsilon": (1, 5)}}, paper={"id": "invariant-features", "figure": 6})
    training: dict[str, Value] = {"epochs": 20, "batch_size": 256}
    results = [make_result({"method.epsilon": 5}, seed, 0.5, training=training) for seed in range(3)]
    found = variants_of(study, results, METRIC)
    (finding,) = ablations_of(study, METRIC)
    assert differences(study, found, finding) == (Difference("epochs", 20, 5000), Difference("seeds", 3, 5))
    assert all(difference.smaller for difference in differences(study, found, finding))
    assert not Difference("k", 50, 100).smaller


@pytest.mark.parametrize("name", ["batch_size", "latent_dim", "labels of knn", "points of graph", "images of density"])
def test_smaller_batches_and_codes_and_fewer_samples_of_a_probe_are_a_smaller_scale(name: str) -> None:
    assert Difference(name, 64, 256).smaller
    assert not Difference(name, 512, 256).smaller
    assert Difference(name, 64, "all").smaller


def test_fewer_samples_of_the_probes_that_a_finding_is_of_are_named_with_the_papers(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    """On CIFAR-10 AAVAE fits its linear layer on 45000 images, in batches of 256; no finding of it is of k-NN."""
    paper = {"id": "aavae", "ablation": "components"}
    fixed = {"probes.linear.labels": 5000, "probes.knn.labels": 100}
    study = make_study({"method": "aavae", "dataset": "cifar10-jpeg", "fixed": fixed}, paper=paper)
    study = study.model_copy(update={"probes": ("linear", "knn")})
    training = {"epochs": 3200, "batch_size": 64}
    results = [make_result({}, 0, 0.5, method="aavae", dataset="cifar10-jpeg", training=training)]
    (finding,) = ablations_of(study, METRIC)
    assert {
        Difference("batch_size", 64, 256),
        Difference("labels of linear", 5000, 45000),
    } == {one for one in differences(study, variants_of(study, results, METRIC), finding) if one.name != "seeds"}


def test_points_of_a_probe_of_which_the_paper_states_no_number_are_fewer_than_all(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    paper, fixed = {"id": "invariant-features", "ablation": "method_graph"}, {"probes.graph.points": 1000}
    study = make_study({"fixed": fixed}, paper=paper, probes=("graph",), metric="graph/accuracy")
    (finding,) = ablations_of(study, "graph/accuracy")
    found = differences(study, variants_of(study, [make_result({}, 0, 0.5)], METRIC), finding)
    assert Difference("points of graph", 1000, "all") in found


@pytest.mark.parametrize(("added", "ours"), [(20, [20]), (4, [4]), (5, [])])
def test_seeds_that_a_rule_has_added_count_in_the_comparison_with_the_paper(
    make_study: MakeStudy, make_result: MakeResult, added: int, ours: list[int]
) -> None:
    """The paper has five seeds, the rule of the study begins with three."""
    rule = {"at_least": 3, "at_most": 20, "until": "decided"}
    paper = {"id": "invariant-features", "figure": 6}
    study = make_study({"axes": {"method.epsilon": (1, 5)}}, paper=paper).model_copy(
        update={"seeds": SeedRule.model_validate(rule)}
    )
    counts = {1: added, 5: 20}
    results = [
        make_result({"method.epsilon": level}, seed, 0.5) for level, seeds in counts.items() for seed in range(seeds)
    ]
    (finding,) = ablations_of(study, METRIC)
    seeds = [one for one in differences(study, variants_of(study, results, METRIC), finding) if one.name == "seeds"]
    assert [one.ours for one in seeds] == ours
    assert [one.smaller for one in seeds] == [count < 5 for count in ours]


def test_a_count_of_labels_in_the_metric_selects_the_row_of_as_many_labels(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    """VTE, table 2: VTEBA by k-NN on 5000 labels."""
    paper = {"id": "vte", "ablation": "method_cifar10"}
    study = make_study({"method": "vte-barber-agakov", "dataset": "cifar10"}, paper=paper)
    results = [make_result({}, 0, 0.5, method="vte-barber-agakov", dataset="cifar10")]
    metric = "knn-5000/error_rate"
    (one,) = variants_of(study, results, metric)
    row = printed_value(study, ablations_of(study, metric), one, metric)
    assert row is not None
    assert (row.method, row.levels["num_labels"]) == ("VTEBA", "5000")

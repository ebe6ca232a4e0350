"""Which of the paper's numbers belong to which variant."""

from collections.abc import Callable
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.options import Value
from ablate.reporting.paper import Difference, differences, expected, findings, place_of, stand_ins
from ablate.stats.results import Result
from ablate.stats.variants import variants
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
Make = Callable[..., Result]
METRIC = "linear/accuracy"
TRANSFORMATION: dict[str, Any] = {
    "axes": {"method.transformation": ("np", "rp", "rp+vat", "vat")},
    "baseline": {"method.transformation": "vat"},
}
TABLE_FIVE = {"id": "invariant-features", "table": "V"}


def values(study: Study, results: list[Result]) -> list[float | None]:
    """What the paper printed of each variant."""
    rows = [expected(study, one, METRIC) for one in variants(study, results, METRIC)]
    return [row.value if row else None for row in rows]


def test_each_transformation_has_its_number_of_table_five(study: MakeStudy, result: Make) -> None:
    results = [result({"method.transformation": level}, 0, 0.5) for level in ("np", "rp", "rp+vat", "vat")]
    assert values(study(TRANSFORMATION, paper=TABLE_FIVE), results) == [0.379, 0.531, 0.847, 0.869]


def test_each_placement_of_batch_normalisation_has_its_number_of_table_six(study: MakeStudy, result: Make) -> None:
    levels = ("none", "encoder", "classifier", "both")
    asked = study({"axes": {"method.batchnorm": levels}}, paper={"id": "invariant-features", "table": "VI"})
    results = [result({"method.batchnorm": level}, 0, 0.5) for level in levels]
    assert values(asked, results) == [0.824, 0.871, 0.755, 0.869]


def test_nothing_is_expected_where_the_paper_drew_only_curves(study: MakeStudy, result: Make) -> None:
    asked = study({"axes": {"method.epsilon": (1, 5)}}, paper={"id": "invariant-features", "figure": 6})
    assert values(asked, [result({"method.epsilon": level}, 0, 0.5) for level in (1, 5)]) == [None, None]


def test_nothing_is_expected_of_a_study_without_a_paper_or_of_other_data(study: MakeStudy, result: Make) -> None:
    one = result({"method.transformation": "vat"}, 0, 0.5)
    assert values(study(TRANSFORMATION), [one]) == [None]
    digits = result({"method.transformation": "vat"}, 0, 0.5, dataset="digits")
    assert values(study({**TRANSFORMATION, "dataset": "digits"}, paper=TABLE_FIVE), [digits]) == [None]


def test_a_stand_in_is_named_and_has_no_number(study: MakeStudy, result: Make) -> None:
    asked = study({**TRANSFORMATION, "dataset": "mnist"}, paper=TABLE_FIVE)
    assert values(asked, [result({"method.transformation": "vat"}, 0, 0.5, dataset="mnist")]) == [None]
    assert stand_ins(asked) == {"mnist": "EMNIST-Digits"}


@pytest.mark.parametrize(("k", "value"), [(50, None), (100, 0.869), (200, None)])
def test_what_the_table_does_not_vary_is_at_the_papers_value(
    study: MakeStudy, result: Make, k: Value, value: float | None
) -> None:
    axes = {"method.transformation": ("np", "vat"), "method.k": (50, 100, 200)}  # the paper has k = 100
    asked = study({"axes": axes}, paper=TABLE_FIVE)
    assert values(asked, [result({"method.transformation": "vat", "method.k": k}, 0, 0.5)]) == [value]


@pytest.mark.parametrize(("level", "value"), [("mlp", 0.869), ("cnn", None)])
def test_what_the_paper_does_not_name_is_at_the_studys_baseline(
    study: MakeStudy, result: Make, level: Value, value: float | None
) -> None:
    axes = {"method.transformation": ("np", "vat"), "method.network": ("mlp", "cnn")}
    asked = study({"axes": axes}, paper=TABLE_FIVE)
    assert values(asked, [result({"method.transformation": "vat", "method.network": level}, 0, 0.5)]) == [value]


def test_methods_have_their_numbers_whether_they_are_cases_or_an_axis(study: MakeStudy, result: Make) -> None:
    paper = {"id": "invariant-features", "table": "II"}
    cases = study({"method": "pca"}, {"method": "invariant"}, paper=paper)
    assert values(cases, [result({}, 0, 0.5, method=name) for name in ("pca", "invariant")]) == [0.759, 0.869]
    axis = study({"axes": {"method": ("pca", "invariant")}}, paper=paper)
    results = [result({"method": name}, 0, 0.5, method=name) for name in ("pca", "invariant")]
    assert values(axis, results) == [0.759, 0.869]


def test_a_finding_is_of_the_studys_data_sets(study: MakeStudy) -> None:
    paper = {"id": "invariant-features", "figure": 6}
    speech = study({"axes": {"method.epsilon": (1, 5)}}, paper=paper)
    text = study({"dataset": "20newsgroups", "axes": {"method.epsilon": (10, 20)}}, paper=paper)
    other = study({"dataset": "digits", "axes": {"method.epsilon": (1, 5)}}, paper=paper)
    assert [known.id for known in findings(speech, METRIC)] == ["invariant/epsilon"]
    assert [known.id for known in findings(text, METRIC)] == ["invariant/epsilon_text"]
    assert len(findings(other, METRIC)) == 2


def test_a_finding_is_of_the_studys_metric_and_axis(study: MakeStudy) -> None:
    asked = study({}, paper={"id": "invariant-features", "table": "II"})
    assert [known.id for known in findings(asked, "graph/accuracy")] == ["invariant/method_graph"]
    smoothness = study({"axes": {"method.smoothness": (0.5,)}}, paper={"id": "invariant-features", "figure": 7})
    assert [known.id for known in findings(smoothness, METRIC)] == ["invariant/lambda_policy"]


def test_a_paper_without_a_place_has_no_findings_and_a_wrong_place_is_an_error(study: MakeStudy) -> None:
    assert place_of(study({}, paper={"id": "vte"})) == ""
    assert findings(study({}, paper={"id": "vte"}), METRIC) == ()
    with pytest.raises(StudyError, match="'vte' has no ablation in 'Table 9'"):
        findings(study({}, paper={"id": "vte", "table": 9}), METRIC)


def test_differences_name_what_the_paper_had_otherwise_and_what_was_smaller(study: MakeStudy, result: Make) -> None:
    asked = study({"axes": {"method.epsilon": (1, 5)}}, paper={"id": "invariant-features", "figure": 6})
    training: dict[str, Value] = {"epochs": 20, "batch_size": 256}
    found = variants(asked, [result({"method.epsilon": 5}, 0, 0.5, training=training)], METRIC)
    (finding,) = findings(asked, METRIC)
    assert differences(asked, found, finding) == (Difference("epochs", 20, 5000), Difference("seeds", 3, 5))
    assert all(difference.smaller for difference in differences(asked, found, finding))
    assert not Difference("k", 50, 100).smaller


def test_a_count_of_labels_in_the_metric_finds_its_row(study: MakeStudy, result: Make) -> None:
    """VTE, table 2: VTEBA by k-NN on 5000 labels."""
    paper = {"id": "vte", "ablation": "method_cifar10"}
    asked = study({"method": "vte-barber-agakov", "dataset": "cifar10"}, paper=paper)
    results = [result({}, 0, 0.5, method="vte-barber-agakov", dataset="cifar10")]
    (one,) = variants(asked, results, "knn-5000/error_rate")
    row = expected(asked, one, "knn-5000/error_rate")
    assert row is not None
    assert (row.method, row.levels["num_labels"]) == ("VTEBA", "5000")

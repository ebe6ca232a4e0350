"""The papers' numbers and findings, looked up by the names that studies use."""

import csv
import math
from importlib import resources

import pytest

from ablate.errors import StudyError
from ablate.papers import PAPERS
from ablate.papers.reference import Printed, ablation, ablations, ablations_at, numbers, places, printed, title

INVARIANT = "invariant-features"


def values(*rows: Printed) -> list[tuple[float, float | None]]:
    return [(row.value, row.std) for row in rows]


def test_transformations_on_fsdd_have_the_numbers_of_table_five() -> None:
    for level, expected in {
        "np": (0.379, 0.058),
        "rp": (0.531, 0.049),
        "rp+vat": (0.847, 0.037),
        "vat": (0.869, 0.013),
    }.items():
        rows = printed(INVARIANT, "Table V", "fsdd", "linear/accuracy", "invariant", {"transformation": level})
        assert values(*rows) == [expected]


def test_batch_normalisation_on_fsdd_has_the_numbers_of_table_six() -> None:
    for level, expected in {
        "none": (0.824, 0.009),
        "encoder": (0.871, 0.010),
        "classifier": (0.755, 0.025),
        "both": (0.869, 0.013),
    }.items():
        rows = printed(INVARIANT, "Table VI", "fsdd", "linear/accuracy", levels={"batchnorm": level})
        assert values(*rows) == [expected]


def test_percentages_are_converted_to_fractions_and_other_units_are_kept() -> None:
    (accuracy,) = printed(INVARIANT, "Table II", "20newsgroups", "linear/accuracy", "lle")
    (information,) = printed(INVARIANT, "Table III", "fsdd", "mutual_information", "invariant")
    assert (accuracy.value, accuracy.unit) == (0.615, "fraction")
    assert (information.value, information.std, information.unit) == (1.92, 0.05, "nats")


def test_two_metrics_of_one_table_are_distinguished() -> None:
    assert values(*printed(INVARIANT, "Table II", "fsdd", "graph/accuracy", "invariant")) == [(0.901, 0.003)]
    assert values(*printed(INVARIANT, "Table II", "fsdd", "linear/accuracy", "invariant")) == [(0.869, 0.013)]


def test_clustering_numbers_of_table_four_belong_to_the_best_epoch_metrics() -> None:
    assert values(*printed(INVARIANT, "Table IV", "fsdd", "clustering/best_nmi", "invariant")) == [(0.362, 0.019)]
    assert printed(INVARIANT, "Table IV", "fsdd", "clustering/nmi", "invariant") == ()


def test_a_stand_in_data_set_has_no_printed_numbers() -> None:
    assert printed(INVARIANT, "Table V", "mnist", "linear/accuracy") == ()
    assert printed(INVARIANT, "Table V", "reuters-21578", "linear/accuracy") == ()
    assert len(printed(INVARIANT, "Table V", "EMNIST-Digits", "linear/accuracy")) == 4
    assert len(printed("simvae", "Table 5", "mnist", "linear/accuracy")) == 8  # MNIST is a data set of this paper


def test_a_figure_without_numbers_and_an_unknown_data_set_give_no_numbers() -> None:
    assert printed(INVARIANT, "Figure 6", "fsdd", "linear/accuracy") == ()
    assert printed(INVARIANT, "Table V", "digits", "linear/accuracy") == ()


def test_every_row_of_the_csv_is_found_by_its_table() -> None:
    text = resources.files("ablate.papers").joinpath("reference_results.csv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(text.splitlines()))
    assert len(lines) == 711
    papers = {title(paper): paper for paper in PAPERS}
    cells = {tuple(line[name] for name in ("paper", "table_or_figure", "dataset", "metric")) for line in lines}
    reached = 0
    for paper, table, dataset, metric in cells:
        (place,) = places(table)
        reached += len(printed(papers[paper], place, dataset, metric))
    assert reached == 711


def test_every_number_is_finite_and_has_the_spread_that_its_paper_states() -> None:
    rows = [row for paper in PAPERS for row in numbers(paper)]
    assert len(rows) == 711
    assert all(math.isfinite(row.value) for row in rows)
    assert {row.spread for row in numbers("simvae")} == {"standard error"}
    assert {row.spread for row in numbers(INVARIANT)} == {"standard deviation"}


def test_levels_are_read_only_from_settings_that_name_one() -> None:
    assert {axis for paper in PAPERS for row in numbers(paper) for axis in row.levels} == {
        "transformation",
        "batchnorm",
        "num_labels",
        "pre-training set",
        "target",
    }
    assert {row.levels["target"] for row in numbers("simvae") if "target" in row.levels} == {"5-class hair colour"}


def test_every_name_in_the_tables_is_one_that_the_paper_uses() -> None:
    for name, paper in PAPERS.items():
        rows = numbers(name)
        assert {*paper.datasets.values(), *paper.stand_ins.values()} <= {row.dataset for row in rows}
        assert set(paper.methods.values()) <= {row.method for row in rows}
        studied = [entry for entry in ablations() if entry.paper == name]
        metrics = {row.metric for row in rows} | {metric.name for entry in studied for metric in entry.metrics}
        assert {metric.partition(": ")[0] for metric in paper.metrics.values()} <= metrics
        fixed = {setting for entry in studied for setting in entry.fixed}
        assert set(paper.axes.values()) <= {entry.axis for entry in studied} | fixed
        for axis, levels in paper.levels.items():
            values = {str(value) for entry in studied if entry.axis == axis for value in entry.values}
            assert set(levels.values()) <= {row.levels[axis] for row in rows if axis in row.levels} | values


def test_a_classifier_and_a_label_count_select_one_number() -> None:
    """Tables 1 to 3 of the VTE paper: k-NN on 5000 labels, VTEBA."""
    tables = ("Table 1", "Table 2", "Table 3")
    (row,) = printed("vte", tables, "cifar10", "knn-5000/error_rate", "vte-barber-agakov")
    assert (row.method, row.levels["num_labels"], row.setting.partition(" ")[0]) == ("VTEBA", "5000", "k-NN")


def test_the_name_of_a_method_may_depend_on_its_settings() -> None:
    paper = PAPERS["distance-enhancement"]
    assert paper.method("simclr", {"distance_enhancement": 0.1}) == "SimCLR + DE"
    assert paper.method("simclr", {"distance_enhancement": 0.0}) == "SimCLR"
    assert paper.method("supervised", {"distance_enhancement": 1.0}) == "Supervised CE + DE"
    assert paper.method("barlow", {}) == "barlow"
    (row,) = printed("distance-enhancement", "Table 2", "cifar10", "nlad/nlad", "SimCLR + DE")
    assert row.value == 1.62


def test_every_ablation_has_a_finding_a_check_and_metrics() -> None:
    found = ablations()
    assert len(found) == 41
    assert len({entry.id for entry in found}) == 41
    assert {entry.paper for entry in found} == set(PAPERS)
    assert all(entry.finding and "type" in entry.check and entry.metrics for entry in found)


def test_an_ablation_is_found_by_its_id() -> None:
    epsilon = ablation("invariant/epsilon")
    assert epsilon.paper == INVARIANT
    assert epsilon.values == (1, 2, 3, 4, 5)
    assert epsilon.fixed["epochs"] == 5000
    assert epsilon.metrics[1].datasets == ("MSI",)
    assert epsilon.check["checks"][0] == {
        "type": "flat",
        "tolerance": 0.03,
        "metrics": ["linear_accuracy"],
        "datasets": ["EMNIST-Digits", "FashionMNIST"],
    }


def test_a_figure_may_have_several_ablations() -> None:
    assert [entry.id for entry in ablations_at(INVARIANT, "Figure 6")] == [
        "invariant/epsilon",
        "invariant/epsilon_text",
    ]
    assert [entry.axis for entry in ablations_at("aavae", "Figure 4")] == [
        "batch_size",
        "latent_dim",
        "decoder",
        "logscale",
    ]
    assert [entry.axis for entry in ablations_at("aavae", "Figure 4b")] == ["latent_dim"]


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("Tables 1, 2, 3", {"Table 1", "Table 2", "Table 3"}),
        ("Figures 4d and 2b", {"Figure 4d", "Figure 2b"}),
        ("Figures 4 (right) and 5", {"Figure 4", "Figure 5"}),
        ("Table 2 (CIFAR-10 column)", {"Table 2"}),
        ("Table II (left)", {"Table II"}),
        ("Figure 2 and setup text", {"Figure 2"}),
        ("text (parameter settings) and Algorithm 1", set()),
    ],
)
def test_tables_and_figures_are_read_from_text(where: str, named: set[str]) -> None:
    assert places(where) == named


def test_an_unknown_paper_place_or_ablation_suggests_the_nearest_one() -> None:
    with pytest.raises(StudyError, match="did you mean 'invariant-features'"):
        printed("invariant-feature", "Table V", "fsdd", "linear/accuracy")
    with pytest.raises(StudyError, match="has no ablation in 'Table X'; did you mean 'Table V'"):
        ablations_at(INVARIANT, "Table X")
    with pytest.raises(StudyError, match="did you mean 'invariant/epsilon'"):
        ablation("invariant/epsilom")


def test_a_row_for_a_group_of_methods_is_found_by_each_of_them() -> None:
    found = {
        name: [row.value for row in printed(INVARIANT, "Table I", "fashion-mnist", "size/million_parameters", name)]
        for name in ("ae", "VAE", "invariant", "pca")
    }
    assert found == {"ae": [1.23], "VAE": [1.23], "invariant": [0.90], "pca": []}

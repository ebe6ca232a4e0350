"""The steps of algorithm 1, and both implementations of t-SNE."""

from importlib.util import find_spec

import numpy as np
import pytest

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.confident import Confident, by_confidence, clustered_accuracy, rounded
from ablate.probes.graph import Graph
from ablate.probes.probe import Embedded, Features

needs_open_tsne = pytest.mark.skipif(find_spec("openTSNE") is None, reason="openTSNE is an extra")


def test_points_are_ordered_by_decreasing_distance_from_the_mean() -> None:
    plane = np.array([[10.0, 10.0], [13.0, 14.0], [10.0, 11.0], [7.0, 5.0]])  # mean (10, 10): distances 0, 5, 1, √34
    assert by_confidence(plane).tolist() == [3, 1, 2, 0]


def test_kept_samples_form_as_many_clusters_as_all_samples_have_classes() -> None:
    x = np.array([[0.0], [1], [10], [11], [50], [100]], np.float32)
    features = Features(x, np.array([0, 0, 1, 1, 2, 1]))
    assert clustered_accuracy(features, np.array([0, 1, 2, 3, 4])) == 1.0
    # three clusters of 0, 1 | 10, 11 | 100, where the last two are of one class
    assert clustered_accuracy(features, np.array([0, 1, 2, 3, 5])) == 4 / 5


def test_clusters_minimize_wards_criterion() -> None:
    # merging costs: 0 and 2: 2; then their mean 1 and 4.1: 2/3 · 3.1² = 6.4, but 4.1 and 7: 4.2; single linkage would
    # add 4.1, at 2.1, to 0 and 2
    features = Features(np.array([[0.0], [2], [4.1], [7]], np.float32), np.array([0, 0, 1, 1]))
    assert clustered_accuracy(features, np.arange(4)) == 1.0


def test_numbers_of_samples_are_rounded() -> None:
    assert [rounded(25, fraction) for fraction in (0.1, 0.5, 1.0)] == [2, 12, 25]


def test_scores_hold_the_curve_and_the_accuracy_at_the_kept_fraction(separated: Embedded) -> None:
    shares: list[float] = []
    view = Embedded(separated.train, separated.test, separated.evaluation, report_progress=shares.append)
    scores = Confident(iterations=300, kept_fraction=1.0).score(view, seed=0)
    assert scores["accuracy"] == scores["accuracy_100"] == 1.0
    assert scores["accuracy_10"] <= 1.0
    assert len(scores) == 11
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_too_few_and_too_many_samples_are_refused() -> None:
    with pytest.raises(
        StudyError, match="9 of 90 samples cannot form 10 clusters; set kept_fraction higher, or use more"
    ):
        Confident().check(DataInfo(probed=1, evaluation=90, classes=10))
    with pytest.raises(StudyError, match="distances of 40000 samples exceed the memory; set points to 30000 or"):
        Confident().check(DataInfo(probed=1, evaluation=40000, classes=10))
    with pytest.raises(StudyError, match="perplexity of 30 needs more than 30 samples"):
        Confident().check(DataInfo(probed=1, evaluation=30, classes=2))
    Confident(points=30000).check(DataInfo(probed=1, evaluation=40000, classes=10))


@needs_open_tsne
@pytest.mark.slow
def test_opentsne_separates_the_classes_and_reports_progress(separated: Embedded) -> None:
    shares: list[float] = []
    view = Embedded(separated.train, separated.test, separated.evaluation, report_progress=shares.append)
    graph = Graph(iterations=500, library="openTSNE", perplexity=20.0)
    assert graph.score(view, seed=0)["accuracy"] == 1.0
    assert shares == pytest.approx([step / 10 for step in range(1, 11)])
    assert np.array_equal(graph.plane(view.evaluation.x, 0), graph.plane(view.evaluation.x, 0))


@needs_open_tsne
def test_a_perplexity_that_opentsne_would_lower_is_refused() -> None:
    with pytest.raises(StudyError, match="perplexity of 30 uses 90 neighbours in openTSNE, and there are 90"):
        Graph(library="openTSNE").check(DataInfo(probed=100, evaluation=90, classes=2))
    Graph(library="openTSNE").check(DataInfo(probed=100, evaluation=91, classes=2))


@pytest.mark.skipif(find_spec("openTSNE") is not None, reason="openTSNE is installed")
def test_a_library_that_is_not_installed_is_refused() -> None:
    with pytest.raises(StudyError, match="openTSNE is not installed; pip install openTSNE, or set library"):
        Graph(library="openTSNE").check(DataInfo(probed=100, evaluation=100, classes=2))

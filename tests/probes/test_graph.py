"""Votes of neighbours in a plane, counted by hand; samples and progress of t-SNE."""

from typing import Literal

import numpy as np
import pytest

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.graph import Graph, vote
from ablate.probes.probe import Embedded, Features

PLANE = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [7.0, 0.0]])
LABELS = np.array([1, 0, 1, 0])


def test_nearest_points_vote_and_ties_go_to_the_smallest_label() -> None:
    # of the points at 0, 1, 3, 7 the nearest two others are (1, 3), (0, 3), (1, 0), (3, 1)
    assert vote(PLANE, LABELS, neighbors=2).tolist() == [0, 1, 0, 0]  # votes 01, 11, 01, 10


def test_a_point_does_not_vote_for_itself() -> None:
    assert vote(PLANE, LABELS, neighbors=1).tolist() == [0, 1, 0, 1]
    assert vote(PLANE, LABELS, neighbors=3).tolist() == [0, 1, 0, 1]  # of all others


def test_a_point_with_duplicates_does_not_vote_for_itself() -> None:
    assert vote(np.zeros((3, 2)), np.array([0, 1, 1]), neighbors=2).tolist() == [1, 0, 0]  # votes 11, 01, 01


def test_labels_may_be_any_integers() -> None:
    assert vote(PLANE, LABELS * 30 + 5, neighbors=3).tolist() == [5, 35, 5, 35]


def test_all_samples_are_placed_unless_points_is_smaller(separated: Embedded) -> None:
    evaluation = separated.evaluation
    assert Graph().drawn(evaluation, seed=0) is evaluation
    assert Graph(points=500).drawn(evaluation, seed=0) is evaluation
    some = Graph(points=40).drawn(evaluation, seed=0)
    assert some.x.shape == (40, 3)
    assert all(any((point == other).all() for other in evaluation.x) for point in some.x)


def test_drawn_samples_keep_their_labels() -> None:
    numbered = Features(np.arange(90, dtype=np.float32)[:, None], np.arange(90))
    some = Graph(points=40).drawn(numbered, seed=0)
    assert some.x[:, 0].tolist() == some.y.tolist() == sorted(set(some.y.tolist()))


def test_the_seed_determines_samples_and_plane(separated: Embedded) -> None:
    graph, evaluation = Graph(points=60, iterations=250), separated.evaluation
    assert not np.array_equal(graph.drawn(evaluation, 0).x, graph.drawn(evaluation, 1).x)
    assert not np.array_equal(graph.plane(evaluation.x, 0), graph.plane(evaluation.x, 1))
    assert np.array_equal(graph.plane(evaluation.x, 0), graph.plane(evaluation.x, 0))


@pytest.mark.parametrize("library", ["scikit-learn", "openTSNE"])
def test_progress_is_reported_and_nothing_is_printed(
    separated: Embedded, library: Literal["scikit-learn", "openTSNE"], capsys: pytest.CaptureFixture[str]
) -> None:
    if library == "openTSNE":
        pytest.importorskip("openTSNE", reason="openTSNE is an extra")
    shares: list[float] = []
    Graph(iterations=300, library=library).plane(separated.evaluation.x, 0, shares.append)
    assert shares == pytest.approx([step / 300 for step in range(50, 301, 50)])
    assert capsys.readouterr().out == ""


def test_fewer_samples_than_neighbors_are_refused() -> None:
    message = "21 neighbors and a perplexity of 30 need more than {} samples; set neighbors and perplexity below"
    with pytest.raises(StudyError, match=message.format(30)):
        Graph().check(DataInfo(probed=1000, evaluation=30, classes=2))
    with pytest.raises(StudyError, match=message.format(25)):
        Graph(points=25).check(DataInfo(probed=1000, evaluation=1000, classes=2))
    Graph().check(DataInfo(probed=1, evaluation=31, classes=2))

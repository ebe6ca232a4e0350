"""Votes of neighbours, counted by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.neighbors import Neighbors
from ablate.probes.probe import Embedded, Features


def line(points: list[tuple[float, int]]) -> Features:
    """Points on a line, each with its label."""
    return Features(np.array([[x] for x, _ in points], np.float32), np.array([y for _, y in points]))


TRAIN = line([(1, 1), (2, 0), (3, 0), (10, 1), (11, 1)])


def accuracy(neighbors: int, *test: tuple[float, int]) -> float:
    split = line(list(test))
    return Neighbors(neighbors, max_neighbors=1).score(Embedded(TRAIN, split, split), seed=0)["accuracy"]


def test_with_one_neighbor_the_nearest_sample_decides() -> None:
    assert accuracy(1, (0.0, 1), (2.2, 0), (9.0, 1), (12.0, 0)) == 0.75  # the last one is wrong


def test_knn_votes_are_unweighted() -> None:
    assert accuracy(3, (0.9, 0)) == 1.0  # 1, 0, 0, though the first is much nearer


def test_ties_go_to_the_smallest_label() -> None:
    assert accuracy(2, (1.4, 0)) == 1.0  # 1 at distance 0.4, 0 at distance 0.6
    assert accuracy(2, (1.4, 1)) == 0.0


def test_all_training_samples_may_vote() -> None:
    assert accuracy(5, (2.5, 1), (100.0, 1), (2.5, 0)) == 2 / 3  # three of five are 1


def test_distance_is_euclidean() -> None:
    train = Features(np.array([[3, 3], [0, 5]], np.float32), np.array([0, 1]))  # 4.24 and 5; as city blocks 6 and 5
    test = Features(np.zeros((1, 2), np.float32), np.array([0]))
    assert Neighbors(1, max_neighbors=1).score(Embedded(train, test, train), seed=0)["accuracy"] == 1.0


def test_samples_of_the_test_split_do_not_vote(draw: Callable[[int, int], Features]) -> None:
    train, test = draw(150, 0), draw(90, 1)
    shifted = Features(test.x, (test.y + 1) % 3)
    assert Neighbors().score(Embedded(train, shifted, shifted), seed=0)["accuracy"] == 0.0


def test_fewer_samples_than_neighbors_are_refused() -> None:
    with pytest.raises(StudyError, match="6 neighbors cannot vote among 5 training samples; set neighbors to 5"):
        Neighbors(6).check(DataInfo(probed=5, evaluation=1000, classes=2))
    with pytest.raises(StudyError, match="15 neighbors cannot vote among 14 training samples; set max_neighbors to 14"):
        Neighbors().check(DataInfo(probed=14, evaluation=1000, classes=2))
    with pytest.raises(StudyError, match="15 neighbors cannot vote among 10 training samples; set max_neighbors to 10"):
        Neighbors(labels=10).check(DataInfo(probed=1000, evaluation=1000, classes=2))
    with pytest.raises(StudyError, match="6 neighbors cannot vote"):
        accuracy(6, (0.0, 1))


def test_the_best_accuracy_is_that_of_the_best_number_of_neighbors() -> None:
    test = line([(2.4, 1), (10.1, 1)])  # five votes: 1 for both; four: 0 for the first, a tie for the second
    curve = Neighbors(1, max_neighbors=5).curve(TRAIN, test)
    assert curve == [0.5, 0.5, 0.5, 0.0, 1.0]
    assert Neighbors(1, max_neighbors=5).score(Embedded(TRAIN, test, test), seed=0)["best_accuracy"] == 1.0
    scores = Neighbors(4, max_neighbors=4).score(Embedded(TRAIN, test, test), seed=0)
    assert scores == {"accuracy": 0.0, "best_accuracy": 0.5, "error_rate": 1.0, "error_rate_std": 0.0}


def test_of_samples_at_equal_distance_the_first_ones_vote() -> None:
    """All embeddings of a collapsed encoder are equal; of four samples, the first three vote 1, 1, 0."""
    train = Features(np.ones((4, 3), np.float32), np.array([1, 1, 0, 0]))
    assert Neighbors(neighbors=3, max_neighbors=3).curve(train, Features(train.x, train.y))[2] == 0.5
    swapped = Features(train.x, train.y[::-1].copy())
    assert Neighbors(neighbors=1, max_neighbors=1).curve(swapped, Features(train.x[:1], np.array([0]))) == [1.0]

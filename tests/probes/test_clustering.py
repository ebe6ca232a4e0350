"""Agreement of clusters and labels, calculated by hand."""

from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.clustering import Clustering, agreement, matched_accuracy
from ablate.probes.probe import Embedded, Features

# Seven samples; rows are labels, columns clusters: [[3, 2],
#                                                    [2, 0]]
LABELS = np.array([0, 0, 0, 0, 0, 1, 1])
CLUSTERS = np.array([0, 0, 0, 1, 1, 0, 0])


def embedded(x: list[list[float]], y: list[int]) -> Embedded:
    features = Features(np.array(x, np.float32), np.array(y))
    return Embedded(features, features, features)


def test_clusters_are_matched_optimally_not_greedily() -> None:
    assert matched_accuracy(CLUSTERS, LABELS) == 4 / 7  # greedy: 3 + 0; best: 2 + 2


def test_cluster_numbers_do_not_change_the_accuracy() -> None:
    assert matched_accuracy(np.array([7, 7, 3, 3, 5]), np.array([1, 1, 0, 0, 2])) == 1.0


def test_a_class_is_matched_with_one_cluster_only() -> None:
    assert matched_accuracy(np.array([0, 0, 0, 1, 1, 2]), np.array([4, 4, 4, 4, 4, 9])) == 4 / 6


def test_ari_corrects_for_chance() -> None:
    # pairs together in both: 3 + 1 + 1 = 5; by labels 10 + 1 = 11, by clusters 11; all: 21; expected: 121/21
    assert agreement(CLUSTERS, LABELS)["ari"] == pytest.approx((5 - 121 / 21) / (11 - 121 / 21))  # = −8/55


def test_nmi_is_mutual_information_over_entropy() -> None:
    information = 3 / 7 * log(7 * 3 / 25) + 2 * 2 / 7 * log(7 * 2 / 10)
    entropy = 5 / 7 * log(7 / 5) + 2 / 7 * log(7 / 2)  # of labels and of clusters
    assert agreement(CLUSTERS, LABELS)["nmi"] == pytest.approx(information / entropy)


def test_nmi_divides_by_the_arithmetic_mean_of_entropies() -> None:
    scores = agreement(np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1]))  # information log 2; entropies log 4, log 2
    assert scores == pytest.approx({"accuracy": 0.5, "nmi": 2 / 3, "ari": 0.0})


def test_the_evaluation_split_is_clustered(separated: Embedded, permuted: Embedded) -> None:
    assert Clustering().score(Embedded(permuted.train, permuted.test, separated.evaluation), seed=0)["accuracy"] == 1.0
    assert Clustering().score(Embedded(separated.train, separated.test, permuted.evaluation), seed=0)["accuracy"] < 0.5


def test_there_are_as_many_clusters_as_classes() -> None:
    pairs = embedded([[0], [1], [10], [11], [50], [51], [60], [61]], [0, 0, 0, 0, 1, 1, 1, 1])
    assert Clustering().clusters(pairs, seed=0).max() == 1
    assert Clustering().score(pairs, seed=0) == {"accuracy": 1.0, "nmi": 1.0, "ari": 1.0}


def spread(x: NDArray[np.float32], clusters: NDArray[np.int64]) -> float:
    """Squared distances to the cluster's mean, summed."""
    return sum(float(np.square(x[clusters == one] - x[clusters == one].mean(axis=0)).sum()) for one in set(clusters))


def test_the_best_of_twenty_starts_is_used() -> None:
    features = Features(np.random.default_rng(0).uniform(size=(200, 2)).astype(np.float32), np.arange(200) % 8)
    view = Embedded(features, features, features)
    single = {spread(features.x, Clustering(starts=1).clusters(view, seed)) for seed in range(10)}
    assert len(single) > 1  # uniform points: the result depends on the start
    assert all(spread(features.x, Clustering().clusters(view, seed)) <= np.median(list(single)) for seed in range(3))


def test_a_collapsed_embedding_is_scored_as_one_cluster() -> None:
    collapsed = embedded([[3.5, 3.5]] * 4, [0, 0, 0, 1])
    assert Clustering().score(collapsed, seed=0) == {"accuracy": 0.75, "nmi": 0.0, "ari": 0.0}


def test_fewer_samples_than_clusters_are_refused() -> None:
    with pytest.raises(StudyError, match="9 samples cannot form 10 clusters; use more data"):
        Clustering().check(DataInfo(probed=1000, evaluation=9, classes=10))

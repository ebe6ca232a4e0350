"""Agreement of k-means clusters with the classes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.probe import Embedded, Metrics, Probe, with_best

if TYPE_CHECKING:
    from numpy.typing import NDArray

Labels: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True)
class Clustering(Probe):
    """Agreement of the labels with k-means, with as many clusters as classes, on the evaluation split."""

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, clustering evaluation"
    metrics: ClassVar[Metrics] = with_best({"accuracy": "maximize", "nmi": "maximize", "ari": "maximize"})
    best_of_snapshots: ClassVar[bool] = True

    starts: int = option(20, "initialisations; the result of least inertia is used", least=1)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if info.evaluation < info.classes:
            raise StudyError(f"{info.evaluation} samples cannot form {info.classes} clusters", "use more data")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        return agreement(self.clusters(embedded, seed), embedded.evaluation.y)

    def clusters(self, embedded: Embedded, seed: int) -> Labels:
        """The cluster (N,) of every sample of the evaluation split."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        classes = len(np.unique(embedded.evaluation.y))
        kmeans = KMeans(classes, n_init=self.starts, random_state=seed)
        with warnings.catch_warnings():  # a collapsed embedding gives fewer clusters than classes; it is scored too
            warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
            found: Labels = kmeans.fit_predict(embedded.evaluation.x.astype(np.float64))  # squares may exceed float32
        return found


def agreement(clusters: Labels, labels: Labels) -> dict[str, float]:
    """Agreement of clusters (N,) and labels (N,): matched accuracy, NMI (arithmetic mean) and ARI."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    return {
        "accuracy": matched_accuracy(clusters, labels),
        "nmi": float(normalized_mutual_info_score(labels, clusters, average_method="arithmetic")),
        "ari": float(adjusted_rand_score(labels, clusters)),
    }


def matched_accuracy(clusters: Labels, labels: Labels) -> float:
    """Accuracy under the best one-to-one matching of clusters and labels (Kuhn 1955)."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    counts = contingency_matrix(labels, clusters)
    matched = counts[linear_sum_assignment(counts, maximize=True)]
    return float(matched.sum() / len(labels))

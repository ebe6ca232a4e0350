"""Nearest-neighbour votes in a t-SNE plane of the embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.probe import Embedded, Metrics
from ablate.probes.tsne import Plane, TSNEProbe

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Graph(TSNEProbe):
    """Share of samples whose label is the most frequent one among their nearest neighbours in a t-SNE plane."""

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, graph evaluation"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize"}

    neighbors: int = option(21, "nearest other samples that vote", least=1)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if self.placed(info) <= max(self.neighbors, self.perplexity):
            raise StudyError(
                f"{self.neighbors} neighbors and a perplexity of {self.perplexity:g} need more than "
                f"{self.placed(info)} samples",
                "set neighbors and perplexity below the number of samples, or use more of them",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        evaluation = self.drawn(embedded.evaluation, seed)
        predicted = vote(self.plane(evaluation.x, seed, embedded.report_progress), evaluation.y, self.neighbors)
        return {"accuracy": float(np.mean(predicted == evaluation.y))}


def vote(plane: Plane, labels: NDArray[np.int64], neighbors: int) -> NDArray[np.int64]:
    """The most frequent label (N,) among each point's nearest other points; the smallest of equally frequent ones."""
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=neighbors).fit(plane).kneighbors(return_distance=False)
    samples, classes = len(labels), int(labels.max()) + 1
    ballots = np.arange(samples)[:, None] * classes + labels[nearest]
    counts = np.bincount(ballots.ravel(), minlength=samples * classes).reshape(samples, classes)
    winners: NDArray[np.int64] = counts.argmax(axis=1)
    return winners

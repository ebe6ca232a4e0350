"""Do the samples that a picture shows at its rim fall into classes?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.clustering import matched_accuracy
from ablate.probes.plane import Planar, Plane
from ablate.probes.probe import Embedded, Features, Metrics

MOST = 30000  # samples whose distances (half of a square of float64) take 3.6 GB
CURVE = tuple(range(10, 101, 10))  # percent


@dataclass(frozen=True)
class Confident(Planar):
    """Accuracy of Ward's clusters of the samples that lie farthest from the centre of a t-SNE plane (algorithm 1).

    `accuracy` is at the share `kept`, which the paper does not name; `accuracy_10` to `accuracy_100` are the curve.
    """

    source: ClassVar[str] = "Lee, Song, Schuetze and Wang (about 2021), Distance Enhancement Loss, algorithm 1"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", **{f"accuracy_{percent}": "maximize" for percent in CURVE}}

    kept: float = option(0.5, "share of the samples that are clustered", above=0, most=1)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        placed = self.placed(info)
        if placed <= self.perplexity:
            raise StudyError(
                f"a perplexity of {self.perplexity:g} needs more than {placed} samples",
                "set perplexity below the number of samples, or use more of them",
            )
        if placed > MOST:
            raise StudyError(f"the distances of {placed} samples exceed the memory", f"set points to {MOST} or fewer")
        fewest = share(placed, min(self.kept, CURVE[0] / 100))
        if fewest < info.classes:
            raise StudyError(
                f"{fewest} of {placed} samples cannot form {info.classes} clusters", "keep more, or use more data"
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        evaluation = self.drawn(embedded.evaluation, seed)
        order = by_confidence(self.plane(evaluation.x, seed, lambda done: embedded.tell(done / 2)))
        scores = {"accuracy": clustered(evaluation, order[: share(len(order), self.kept)])}
        for percent in CURVE:
            scores[f"accuracy_{percent}"] = clustered(evaluation, order[: share(len(order), percent / 100)])
            embedded.tell((1 + percent / 100) / 2)
        return scores


def share(samples: int, kept: float) -> int:
    """How many samples a share is."""
    return round(samples * kept)


def by_confidence(plane: Plane) -> NDArray[np.int64]:
    """Positions (N,) of the points, the farthest from their mean first."""
    order: NDArray[np.int64] = np.argsort(-np.linalg.norm(plane - plane.mean(axis=0), axis=1), kind="stable")
    return order


def clustered(features: Features, rows: NDArray[np.int64]) -> float:
    """Accuracy of as many clusters of some samples as all samples have classes (Ward 1963)."""
    from sklearn.cluster import AgglomerativeClustering

    unit = float(np.abs(features.x).max()) or 1.0
    x = features.x[rows].astype(np.float64) / unit
    found = AgglomerativeClustering(len(np.unique(features.y)), linkage="ward").fit_predict(x)
    return matched_accuracy(found, features.y[rows])

"""Clustering of the samples that lie farthest from the centre of a t-SNE plane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import np, torch
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.clustering import matched_accuracy
from ablate.probes.inputs import batches, inputs_of, model_of, require_finite
from ablate.probes.magnitude import largest_magnitude
from ablate.probes.probe import Capability, Embedded, Features, Inputs, Metrics, Model
from ablate.probes.tsne import Plane, TSNEProbe

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 30000  # samples whose distances (half of a square of float64) take 3.6 GB
CURVE = tuple(range(10, 101, 10))  # percent


@dataclass(frozen=True)
class Confident(TSNEProbe):
    """Accuracy of Ward's clusters of the samples that lie farthest from the centre of a t-SNE plane (algorithm 1).

    `accuracy` is at `kept_fraction`, which the paper does not name; `accuracy_10` to `accuracy_100` are the curve.
    """

    source: ClassVar[str] = "Lee, Song, Schuetze and Wang (about 2021), Distance Enhancement Loss, algorithm 1"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", **{f"accuracy_{percent}": "maximize" for percent in CURVE}}

    kept_fraction: float = option(0.5, "fraction of the samples that are clustered", above=0, most=1, former="kept")

    flatten_map: bool = option(
        False,
        "use a ResNet's last maps before pooling, flattened, as the authors do (32768 values of an image of CIFAR-10)",
        added=True,
    )

    @property
    def required(self) -> tuple[Capability, ...]:
        return ("maps",) if self.flatten_map else ()

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
        fewest = rounded(placed, min(self.kept_fraction, CURVE[0] / 100))
        if fewest < info.classes:
            raise StudyError(
                f"{fewest} of {placed} samples cannot form {info.classes} clusters",
                "set kept_fraction higher, or use more data",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        evaluation = self.drawn(embedded.evaluation, seed)
        if self.flatten_map:
            evaluation = replace(evaluation, x=flat_maps(model_of(embedded), inputs_of(evaluation)))
        plane = self.plane(evaluation.x, seed, lambda share: embedded.report_progress(share / 2))
        order = by_confidence(plane)
        scores = {"accuracy": clustered_accuracy(evaluation, order[: rounded(len(order), self.kept_fraction)])}
        for percent in CURVE:
            kept = order[: rounded(len(order), percent / 100)]
            scores[f"accuracy_{percent}"] = clustered_accuracy(evaluation, kept)
            embedded.report_progress((1 + percent / 100) / 2)
        return scores


def flat_maps(model: Model, inputs: Inputs) -> NDArray[np.float32]:
    """The flattened maps (N, M) of all inputs."""
    parts = [model.maps(batch) for batch in batches(inputs, torch.arange(len(inputs)))]
    maps: NDArray[np.float32] = require_finite(torch.cat(parts), "the maps").numpy()
    return maps


def rounded(samples: int, fraction: float) -> int:
    """The number of samples in a fraction, rounded."""
    return round(samples * fraction)


def by_confidence(plane: Plane) -> NDArray[np.int64]:
    """The positions (N,) of the points, by decreasing distance from their mean."""
    order: NDArray[np.int64] = np.argsort(-np.linalg.norm(plane - plane.mean(axis=0), axis=1), kind="stable")
    return order


def clustered_accuracy(features: Features, rows: NDArray[np.int64]) -> float:
    """Accuracy of the clusters (Ward 1963) of the samples in `rows`, as many clusters as all features have classes."""
    from sklearn.cluster import AgglomerativeClustering

    unit = largest_magnitude(features.x)
    x = features.x[rows].astype(np.float64) / unit
    found = AgglomerativeClustering(len(np.unique(features.y)), linkage="ward").fit_predict(x)
    return matched_accuracy(found, features.y[rows])

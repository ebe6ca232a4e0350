"""Are neighbours in a picture of the embedding of one class?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ablate.errors import StudyError
from ablate.probes.probe import Embedded, Features, Metrics, Probe, Sizes
from ablate.settings import setting


@dataclass(frozen=True)
class Graph(Probe):
    """Share of samples whose label most of their nearest neighbours in a t-SNE plane have."""

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, graph evaluation"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize"}

    neighbors: int = setting(21, "samples that vote, the judged one not among them", least=1)
    points: int | None = setting(None, "samples to place and judge, drawn by the seed; all where absent", least=2)
    perplexity: float = setting(30.0, "effective number of neighbours in t-SNE", above=0)
    iterations: int = setting(1000, "steps of t-SNE", least=250)
    learning_rate: float = setting(200.0, "step size of t-SNE, the default of scikit-learn 0.23", above=0)

    def check(self, sizes: Sizes) -> None:
        super().check(sizes)
        placed = min(sizes.judged, self.points or sizes.judged)
        if placed <= max(self.neighbors, self.perplexity):
            raise StudyError(
                f"{self.neighbors} neighbors and a perplexity of {self.perplexity:g} need more than {placed} samples",
                "set neighbors and perplexity below the number of samples, or use more of them",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        judged = self.drawn(embedded.judged, seed)
        predicted = vote(self.plane(judged.x, seed), judged.y, self.neighbors)
        return {"accuracy": float(np.mean(predicted == judged.y))}

    def drawn(self, features: Features, seed: int) -> Features:
        """At most `points` samples, in their order."""
        if self.points is None or self.points >= len(features.y):
            return features
        chosen = np.sort(np.random.default_rng(seed).choice(len(features.y), self.points, replace=False))
        return Features(features.x[chosen], features.y[chosen])

    def plane(self, x: NDArray[np.float32], seed: int) -> NDArray[Any]:
        """Features (N, D) → (N, 2) (van der Maaten and Hinton 2008), whatever their scale."""
        from sklearn.manifold import TSNE

        unit = float(np.abs(x).max()) or 1.0  # t-SNE knows no scale, but float32 does
        tsne = TSNE(
            perplexity=self.perplexity,
            learning_rate=self.learning_rate,
            max_iter=self.iterations,
            init="random",
            random_state=seed,
        )
        placed: NDArray[Any] = tsne.fit_transform(x / unit)
        return placed


def vote(plane: NDArray[Any], labels: NDArray[np.int64], neighbors: int) -> NDArray[np.int64]:
    """The most frequent label among each point's nearest others; of equals the smallest."""
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=neighbors).fit(plane).kneighbors(return_distance=False)
    samples, classes = len(labels), int(labels.max()) + 1
    ballots = np.arange(samples)[:, None] * classes + labels[nearest]
    counts = np.bincount(ballots.ravel(), minlength=samples * classes).reshape(samples, classes)
    winners: NDArray[np.int64] = counts.argmax(axis=1)
    return winners

"""Do samples of a class lie near each other?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.labels import check_labels, labelled
from ablate.probes.passes import accuracies, errors, stochastic
from ablate.probes.probe import Embedded, Features, Metrics, Probe

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Neighbors(Probe):
    """Accuracy of the vote among the nearest training samples (Euclidean, equal weights; ties: smallest label).

    `best_accuracy` is that of the best number of voters up to `up_to`: chosen by the test labels, so optimistic.
    """

    source: ClassVar[str] = (
        "Sinaga, Basarrudin and Krisnadhi 2022 (VTE), ICPRAM, k-nearest-neighbour evaluation; Bizeul, Schölkopf and "
        "Allen 2024 (SimVAE), the best of 1 to 15"
    )
    metrics: ClassVar[Metrics] = {
        "accuracy": "maximize",
        "best_accuracy": "maximize",
        "error_rate": "minimize",
        "error_rate_std": "minimize",
    }

    neighbors: int = option(5, "training samples that vote (K)", least=1)
    up_to: int = option(15, "most samples that vote for the best accuracy", least=1)
    labels: int | None = option(None, "labelled training samples, even over the classes; all where absent", least=2)
    passes: int = option(0, "draws of the test codes, their errors averaged; 0: features as they are", least=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)
        voters = self.labels or info.probed
        for name, wanted in (("neighbors", self.neighbors), ("up_to", self.up_to)):
            if voters < wanted:
                raise StudyError(
                    f"{wanted} neighbors cannot vote among {voters} training samples",
                    f"set {name} to {voters} or fewer, or use more data",
                )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        train = labelled(embedded.train, self.labels)
        curve = self.curve(train, embedded.test)
        accuracy, best = curve[self.neighbors - 1], max(curve[: self.up_to])
        right = [accuracy]
        if self.passes and stochastic(embedded):
            right = accuracies(train, embedded, self.passes, seed, self.judge)
        return {"accuracy": accuracy, "best_accuracy": best, **errors(right)}

    def judge(self, train: Features, evaluation: Iterable[Features]) -> list[float]:
        """The accuracy on each of the splits."""
        return [self.curve(train, split)[self.neighbors - 1] for split in evaluation]

    def curve(self, train: Features, evaluation: Features) -> list[float]:
        """The accuracy of one voter, of two, and so on."""
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=max(self.neighbors, self.up_to), algorithm="brute").fit(train.x)
        ballots = train.y[search.kneighbors(evaluation.x, return_distance=False)]
        return [float(np.mean(elected == evaluation.y)) for elected in elections(ballots)]


def elections(ballots: Labels) -> Iterable[Labels]:
    """Ballots (N, K), the nearest first → the winners (N,) of the first ballot, of the first two, and so on."""
    counts = np.zeros((len(ballots), int(ballots.max()) + 1), np.int64)
    for ballot in ballots.T:
        counts[np.arange(len(ballots)), ballot] += 1
        yield counts.argmax(axis=1)

"""Classification by the nearest training samples (k-NN)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ablate.data_info import DataInfo
from ablate.deferred import np, torch
from ablate.errors import StudyError
from ablate.methods.nearest import nearest
from ablate.options import option
from ablate.probes.labels import check_labels, labelled
from ablate.probes.posterior import error_rates, pass_accuracies, stochastic
from ablate.probes.probe import Embedded, Features, Metrics, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Labels: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True)
class Neighbors(Probe):
    """Accuracy of the vote of the nearest training samples (Euclidean, equal weights; ties: smallest label).

    Of training samples at equal distance the first ones vote, for any number of threads.

    `best_accuracy` is that of the best number of neighbors up to `max_neighbors`, which is chosen by the test labels
    and so optimistic.
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
    max_neighbors: int = option(15, "largest number of neighbors tried for the best accuracy", least=1, former="up_to")
    labels: int | None = option(None, "labelled training samples, balanced over the classes; all where absent", least=2)
    passes: int = option(0, "draws of the test codes, errors averaged over them; 0: the features, no draws", least=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)
        voters = self.labels or info.probed
        for name, wanted in (("neighbors", self.neighbors), ("max_neighbors", self.max_neighbors)):
            if voters < wanted:
                raise StudyError(
                    f"{wanted} neighbors cannot vote among {voters} training samples",
                    f"set {name} to {voters} or fewer, or use more data",
                )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        train = labelled(embedded.train, self.labels)
        curve = self.curve(train, embedded.test)
        accuracy, best = curve[self.neighbors - 1], max(curve[: self.max_neighbors])
        accuracies = [accuracy]
        if self.passes and stochastic(embedded):
            accuracies = pass_accuracies(train, embedded, self.passes, seed, self.accuracies)
        return {"accuracy": accuracy, "best_accuracy": best, **error_rates(accuracies)}

    def accuracies(self, train: Features, tested: Iterable[Features]) -> list[float]:
        """The accuracy on each of several splits."""
        return [self.curve(train, split)[self.neighbors - 1] for split in tested]

    def curve(self, train: Features, test: Features) -> list[float]:
        """The accuracy with one neighbor, with two, and so on."""
        points, inputs = torch.tensor(train.x), torch.tensor(test.x)
        _, index = nearest(points, inputs, max(self.neighbors, self.max_neighbors))
        votes = train.y[index.numpy()]
        return [float(np.mean(predicted == test.y)) for predicted in majorities(votes)]


def majorities(votes: Labels) -> Iterable[Labels]:
    """Votes (N, K), the nearest first → the most frequent label (N,) of the first vote, of the first two, and so on."""
    counts = np.zeros((len(votes), int(votes.max()) + 1), np.int64)
    for vote in votes.T:
        counts[np.arange(len(votes)), vote] += 1
        yield counts.argmax(axis=1)

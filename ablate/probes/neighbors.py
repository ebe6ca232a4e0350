"""Do samples of a class lie near each other?"""

from dataclasses import dataclass
from typing import ClassVar

from ablate.errors import StudyError
from ablate.probes.probe import Embedded, Metrics, Probe, Sizes
from ablate.settings import setting


@dataclass(frozen=True)
class Neighbors(Probe):
    """Accuracy of the vote among the nearest training samples (Euclidean, equal weights; ties: smallest label)."""

    source: ClassVar[str] = "Sinaga, Basarrudin and Krisnadhi 2022 (VTE), ICPRAM, k-nearest-neighbour evaluation"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize"}

    neighbors: int = setting(5, "training samples that vote (K)", least=1)

    def check(self, sizes: Sizes) -> None:
        super().check(sizes)
        if sizes.train < self.neighbors:
            raise StudyError(
                f"{self.neighbors} neighbors cannot vote among {sizes.train} training samples",
                f"set neighbors to {sizes.train} or fewer, or use more data",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        from sklearn.neighbors import KNeighborsClassifier

        self.examine(embedded)
        model = KNeighborsClassifier(self.neighbors, algorithm="brute").fit(embedded.train.x, embedded.train.y)
        return {"accuracy": float(model.score(embedded.test.x, embedded.test.y))}

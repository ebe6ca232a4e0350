"""Classification by a multilayer perceptron with one hidden layer."""

from dataclasses import dataclass
from typing import ClassVar

from ablate.options import option
from ablate.probes.hidden_layer import METRICS, HiddenLayerProbe
from ablate.probes.network import BINARY, Binary
from ablate.probes.probe import Embedded, Metrics


@dataclass(frozen=True)
class MLP(HiddenLayerProbe):
    """Accuracy of a perceptron with one hidden layer as wide as the features, after its last and its best epoch."""

    source: ClassVar[str] = "Bizeul, Schölkopf and Allen 2024 (SimVAE), arXiv:2402.01399, MLP probe"
    metrics: ClassVar[Metrics] = METRICS

    binary: Binary = option("softmax", BINARY, added=True)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        return self.label_scores(embedded, seed, self.binary)

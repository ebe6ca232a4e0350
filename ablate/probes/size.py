"""How large is the network?"""

from dataclasses import dataclass
from typing import ClassVar

from ablate.data_info import DataInfo
from ablate.probes.inputs import model_of
from ablate.probes.probe import Embedded, Metrics, Probe

MILLION = 1e6


@dataclass(frozen=True)
class Size(Probe):
    """The learned parameters of what is kept of a network: its encoder, and the decoder of an autoencoder.

    The paper's table also has the seconds of an epoch, which its device decided; MLflow has each run's duration.
    """

    source: ClassVar[str] = "A Generic Self-Supervised Framework of Learning Invariant Discriminative Features, Table I"
    metrics: ClassVar[Metrics] = {"million_parameters": "minimize"}

    def check(self, info: DataInfo) -> None:
        """Any data will do."""

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        return {"million_parameters": model_of(embedded).parameters / MILLION}

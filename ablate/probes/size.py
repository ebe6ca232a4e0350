"""The number of parameters."""

from dataclasses import dataclass
from typing import ClassVar

from ablate.data_info import DataInfo
from ablate.probes.inputs import model_of
from ablate.probes.probe import Embedded, Metrics, Probe

MILLION = 1e6


@dataclass(frozen=True)
class Size(Probe):
    """The number of learned parameters of the saved network: the encoder, and the decoder of an autoencoder.

    The paper's table also lists seconds per epoch, which depend on the device; MLflow shows each run's duration.
    """

    source: ClassVar[str] = "A Generic Self-Supervised Framework of Learning Invariant Discriminative Features, Table I"
    metrics: ClassVar[Metrics] = {"million_parameters": "minimize"}

    def check(self, info: DataInfo) -> None:
        """Accept all data: labels and targets are not needed."""

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        return {"million_parameters": model_of(embedded).parameters / MILLION}

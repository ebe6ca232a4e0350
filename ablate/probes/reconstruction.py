"""Reconstruction error of the encoder and the decoder."""

from dataclasses import dataclass
from typing import ClassVar

from ablate.data_info import DataInfo
from ablate.options import option
from ablate.probes.inputs import batches, inputs_of, model_of, random_rows, require_finite
from ablate.probes.probe import Embedded, Metrics, Probe


@dataclass(frozen=True)
class Reconstruction(Probe):
    """Mean squared error per value between held-out inputs and their decoded codes."""

    source: ClassVar[str] = (
        "Bizeul, Schölkopf and Allen 2024 (SimVAE), A Probabilistic Model to explain Self-Supervised Representation "
        "Learning, table 7"
    )
    metrics: ClassVar[Metrics] = {"mse": "minimize"}
    needs = ("code",)

    images: int | None = option(None, "evaluation samples, drawn by the seed; all where absent", least=1)
    binarized: bool = option(False, "whether to threshold the inputs at 0.5, as SimVAE does for MNIST")

    def check(self, info: DataInfo) -> None:
        """Accept all data: labels and targets are not needed."""

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        model, inputs = model_of(embedded), inputs_of(embedded.evaluation)
        rows = random_rows(len(inputs), self.images, seed)
        total, values = 0.0, 0
        for batch in batches(inputs, rows, self.binarized):
            decoded = require_finite(model.decode(model.code(batch)), "the reconstructions")
            total += (decoded - batch).double().square().sum().item()
            values += batch.numel()
            embedded.report_progress(values / batch[0].numel() / len(rows))
        return {"mse": total / values}

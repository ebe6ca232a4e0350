"""Reconstruction error of the encoder and the decoder."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ablate.data_info import DataInfo
from ablate.options import option
from ablate.probes.fitted_decoder import DecoderTraining, check_decodable, mean_squared_error
from ablate.probes.inputs import batches, inputs_of, model_of, random_rows, require_finite
from ablate.probes.probe import Capability, Embedded, Metrics, Probe


@dataclass(frozen=True)
class Reconstruction(Probe):
    """Mean squared error per value between held-out inputs and their decoded codes.

    Of a method without a decoder, such as SimCLR and VICReg, one may be fitted to the frozen features of the training
    split: SimVAE's, by Adam on the squared error, up to the epoch with the least error on a tenth of the samples.
    """

    source: ClassVar[str] = (
        "Bizeul, Schölkopf and Allen 2024 (SimVAE), A Probabilistic Model to explain Self-Supervised Representation "
        "Learning, table 7"
    )
    metrics: ClassVar[Metrics] = {"mse": "minimize"}
    needs = ("code",)

    images: int | None = option(None, "evaluation samples, drawn by the seed; all where absent", least=1)
    binarized: bool = option(False, "whether to threshold the inputs at 0.5, as SimVAE does for MNIST")
    decoder: Literal["own", "fitted"] = option("own", "the method's, or one that is fitted to the features", added=True)
    epochs: int = option(80, "most passes over the training split in the fit of a decoder", least=1, added=True)
    batch_size: int = option(128, "samples in a step of the fit", least=2, added=True)
    learning_rate: float = option(1e-4, "step size of Adam in the fit", above=0, added=True)

    @property
    def required(self) -> tuple[Capability, ...]:
        return self.needs if self.decoder == "own" else ()

    def check(self, info: DataInfo) -> None:
        """Labels and targets are not needed."""
        if self.decoder == "fitted":
            check_decodable(info)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        if self.decoder == "fitted":
            training = DecoderTraining(self.epochs, self.batch_size, self.learning_rate, self.binarized)
            rows = random_rows(len(embedded.evaluation.y), self.images, seed)
            return {"mse": mean_squared_error(training.fit(embedded, seed), embedded.evaluation, rows, self.binarized)}
        model, inputs = model_of(embedded), inputs_of(embedded.evaluation)
        rows = random_rows(len(inputs), self.images, seed)
        total, values = 0.0, 0
        for batch in batches(inputs, rows, self.binarized):
            decoded = require_finite(model.decode(model.code(batch)), "the reconstructions")
            total += (decoded - batch).double().square().sum().item()
            values += batch.numel()
            embedded.report_progress(values / batch[0].numel() / len(rows))
        return {"mse": total / values}

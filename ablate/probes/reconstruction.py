"""How much of an input do the encoder and the decoder keep?"""

from dataclasses import dataclass
from typing import ClassVar

from ablate.data_info import DataInfo
from ablate.options import option
from ablate.probes.inputs import batches, drawn, finite, inputs_of, model_of
from ablate.probes.probe import Embedded, Metrics, Probe


@dataclass(frozen=True)
class Reconstruction(Probe):
    """Mean squared error per value of decoded codes of held-out inputs."""

    source: ClassVar[str] = (
        "Bizeul, Schölkopf and Allen 2024 (SimVAE), A Probabilistic Model to explain Self-Supervised Representation "
        "Learning, table 7"
    )
    metrics: ClassVar[Metrics] = {"mse": "minimize"}
    needs = ("code",)

    images: int | None = option(None, "samples to restore, drawn by the seed; all where absent", least=1)
    binarized: bool = option(False, "whether to give and expect inputs thresholded at 0.5, as SimVAE has MNIST")

    def check(self, info: DataInfo) -> None:
        """Any data will do."""

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        model, inputs = model_of(embedded), inputs_of(embedded.evaluation)
        rows = drawn(len(inputs), self.images, seed)
        total, values = 0.0, 0
        for given in batches(inputs, rows, self.binarized):
            restored = finite(model.decode(model.code(given)), "the reconstructions")
            total += (restored - given).double().square().sum().item()
            values += given.numel()
            embedded.tell(values / given[0].numel() / len(rows))
        return {"mse": total / values}

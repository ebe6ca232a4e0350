"""Classification by a multilayer perceptron with two hidden layers, optionally from few labels and drawn codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.options import option
from ablate.probes.inputs import fastest, model_of
from ablate.probes.labels import check_labels, labelled
from ablate.probes.network import accuracy, check_finite, perceptron, shuffled, train
from ablate.probes.posterior import Codes, certain, error_rates, posteriors, stochastic
from ablate.probes.probe import Embedded, Metrics, Probe

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Classifier(Probe):
    """Error rate of a perceptron on codes drawn from the encoder's posterior, or on the features where there is none.

    New codes are drawn at every training step and for every pass over the test split; `accuracy` is that of the same
    perceptron on the posterior's means.
    """

    source: ClassVar[str] = "Sinaga, Basarrudin and Krisnadhi 2022 (VTE), ICPRAM, multilayer perceptron"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "error_rate": "minimize", "error_rate_std": "minimize"}

    labels: int | None = option(None, "labelled training samples, balanced over the classes; all where absent", least=2)
    passes: int = option(5, "draws of the test codes, errors averaged over them; 0: the features, no draws", least=0)
    width: int = option(2048, "units in each hidden layer", least=1)
    epochs: int = option(100, "passes over the training split", least=1)
    batch_size: int = option(256, "samples in a step", least=2)
    learning_rate: float = option(1e-3, "step size of Adam", above=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        train_codes, test_codes = self.codes(embedded)
        generator = torch.Generator().manual_seed(seed)
        network = self.fit(train_codes, generator, embedded)
        at_mean = accuracy(network, test_codes.mean, test_codes.y)
        if test_codes.deviation is None:
            return {"accuracy": at_mean, **error_rates([at_mean])}
        return {"accuracy": at_mean, **error_rates(pass_accuracies(network, test_codes, self.passes, generator))}

    def codes(self, embedded: Embedded) -> tuple[Codes, Codes]:
        """The codes of the labelled training samples, and of the test split."""
        train_split = labelled(embedded.train, self.labels)
        if self.passes and stochastic(embedded):
            return posteriors(train_split, model_of(embedded)), posteriors(embedded.test, model_of(embedded))
        return certain(train_split), certain(embedded.test)

    def fit(self, codes: Codes, generator: torch.Generator, embedded: Embedded) -> nn.Sequential:
        """The perceptron after the last epoch of training."""
        widths = (codes.mean.shape[1], self.width, self.width, int(codes.y.max()) + 1)
        network = perceptron(widths, generator, batchnorm=True).to(fastest())
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        for epoch in range(1, self.epochs + 1):
            train(network, self.batches(codes, generator), optimizer, F.cross_entropy)
            check_finite(network.parameters(), "classifier", codes.mean)
            embedded.report_progress(epoch / self.epochs)
        return network

    def batches(self, codes: Codes, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch of newly drawn codes (B, L) and their labels (B,)."""
        for rows in shuffled(len(codes.y), self.batch_size, generator):
            yield codes.draw(rows, generator), codes.y[rows]


def pass_accuracies(network: nn.Module, codes: Codes, passes: int, generator: torch.Generator) -> list[float]:
    """The accuracy of each pass, on a new draw of all codes."""
    rows = torch.arange(len(codes.y))
    return [accuracy(network, codes.draw(rows, generator), codes.y) for _ in range(passes)]

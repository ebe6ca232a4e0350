"""What can a network with two hidden layers learn from few labels?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ablate.data_info import DataInfo
from ablate.options import option
from ablate.probes.inputs import fastest, model_of
from ablate.probes.labels import check_labels, labelled
from ablate.probes.network import accuracy, check_finite, perceptron, shuffled, train
from ablate.probes.passes import Codes, certain, errors, posteriors, stochastic
from ablate.probes.probe import Embedded, Metrics, Probe


@dataclass(frozen=True)
class Classifier(Probe):
    """Error of a perceptron on codes drawn from the encoder's posterior, where it has one; else on the features.

    Codes are drawn afresh at every step of training and at every pass over the test split; `accuracy` is that of the
    same perceptron on the means of the posterior.
    """

    source: ClassVar[str] = "Sinaga, Basarrudin and Krisnadhi 2022 (VTE), ICPRAM, multilayer perceptron"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "error_rate": "minimize", "error_rate_std": "minimize"}

    labels: int | None = option(None, "labelled training samples, even over the classes; all where absent", least=2)
    passes: int = option(5, "draws of the test codes, their errors averaged; 0: features as they are", least=0)
    width: int = option(2048, "units in each hidden layer", least=1)
    epochs: int = option(100, "passes over the training split", least=1)
    batch_size: int = option(256, "samples in a step", least=2)
    learning_rate: float = option(1e-3, "step size of Adam", above=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        learned, evaluation = self.codes(embedded)
        generator = torch.Generator().manual_seed(seed)
        network = self.fit(learned, generator, embedded)
        at_mean = accuracy(network, evaluation.mean, evaluation.y)
        right = (
            list(passing(network, evaluation, self.passes, generator))
            if evaluation.deviation is not None
            else [at_mean]
        )
        return {"accuracy": at_mean, **errors(right)}

    def codes(self, embedded: Embedded) -> tuple[Codes, Codes]:
        """What is learned from, and what is judged."""
        train_split = labelled(embedded.train, self.labels)
        if self.passes and stochastic(embedded):
            return posteriors(train_split, model_of(embedded)), posteriors(embedded.test, model_of(embedded))
        return certain(train_split), certain(embedded.test)

    def fit(self, codes: Codes, generator: torch.Generator, embedded: Embedded) -> nn.Sequential:
        """The perceptron after its last epoch."""
        widths = (codes.mean.shape[1], self.width, self.width, int(codes.y.max()) + 1)
        network = perceptron(widths, generator, batchnorm=True).to(fastest())
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        for epoch in range(1, self.epochs + 1):
            train(network, self.batches(codes, generator), optimizer, cross_entropy)
            check_finite(network, "classifier", codes.mean)
            embedded.tell(epoch / self.epochs)
        return network

    def batches(self, codes: Codes, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch of freshly drawn codes (B, L) and their labels (B,)."""
        for rows in shuffled(len(codes.y), self.batch_size, generator):
            yield codes.draw(rows, generator), codes.y[rows]


def passing(network: nn.Module, codes: Codes, passes: int, generator: torch.Generator) -> Iterator[float]:
    """The accuracy on a fresh draw of all codes, at each pass."""
    rows = torch.arange(len(codes.y))
    for _ in range(passes):
        yield accuracy(network, codes.draw(rows, generator), codes.y)

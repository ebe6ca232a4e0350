"""What can a network with one hidden layer read?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import cross_entropy

from ablate.options import option
from ablate.probes.network import accuracy, check_finite, perceptron, shuffled, train
from ablate.probes.probe import Embedded, Metrics, Probe


@dataclass(frozen=True)
class MLP(Probe):
    """Accuracy of a perceptron, as wide inside as the features, after its last epoch and at its best on the test."""

    source: ClassVar[str] = "Bizeul, Schölkopf and Allen 2024 (SimVAE), arXiv:2402.01399, MLP probe"
    metrics: ClassVar[Metrics] = {
        "accuracy": "maximize",
        "train_accuracy": "maximize",
        "highest_accuracy": "maximize",  # chosen by the test labels: optimistic
    }

    epochs: int = option(200, "passes over the training split", least=1)
    batch_size: int = option(128, "samples in a step", least=2)
    learning_rate: float = option(3e-4, "step size of Adam", above=0)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        right = list(self.fit(embedded, seed))
        return {"accuracy": right[-1][0], "train_accuracy": right[-1][1], "highest_accuracy": max(right)[0]}

    def fit(self, embedded: Embedded, seed: int) -> Iterator[tuple[float, float]]:
        """Accuracy on the test and on the training split, after each epoch."""
        x, y, test_x, test_y = (
            torch.tensor(array) for split in (embedded.train, embedded.test) for array in (split.x, split.y)
        )
        generator = torch.Generator().manual_seed(seed)
        network = perceptron((x.shape[1], x.shape[1], int(y.max()) + 1), generator)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        for epoch in range(1, self.epochs + 1):
            batches = ((x[rows], y[rows]) for rows in shuffled(len(y), self.batch_size, generator))
            train(network, batches, optimizer, cross_entropy)
            check_finite(network, "MLP probe", x)
            embedded.tell(epoch / self.epochs)
            yield accuracy(network, test_x, test_y), accuracy(network, x, y)

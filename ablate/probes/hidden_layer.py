"""Training of a perceptron with one hidden layer: the abstract class of the probes that read features with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ablate.deferred import torch
from ablate.options import option
from ablate.probes.network import (
    Binary,
    accuracy,
    check_finite,
    classification_loss,
    output_count,
    perceptron,
    shuffled,
    train,
)
from ablate.probes.probe import Embedded, Metrics, Probe

METRICS: Metrics = {
    "accuracy": "maximize",
    "train_accuracy": "maximize",
    "highest_accuracy": "maximize",  # the epoch is chosen by the test labels: optimistic
}


@dataclass(frozen=True)
class HiddenLayerProbe(Probe):
    """A probe that trains networks whose one hidden layer has as many units as there are features."""

    epochs: int = option(200, "passes over the training split", least=1)
    batch_size: int = option(128, "samples in a step", least=2)
    learning_rate: float = option(3e-4, "step size of Adam", above=0)

    def accuracies(self, embedded: Embedded, seed: int, binary: Binary = "softmax") -> Iterator[tuple[float, float]]:
        """Accuracy on the test and on the training split, after each epoch of training on the labels."""
        x, y, test_x, test_y = (
            torch.tensor(array) for split in (embedded.train, embedded.test) for array in (split.x, split.y)
        )
        generator = torch.Generator().manual_seed(seed)
        network = perceptron((x.shape[1], x.shape[1], output_count(int(y.max()) + 1, binary)), generator)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        for epoch in range(1, self.epochs + 1):
            batches = ((x[rows], y[rows]) for rows in shuffled(len(y), self.batch_size, generator))
            train(network, batches, optimizer, classification_loss)
            check_finite(network.parameters(), "MLP probe", x)
            embedded.report_progress(epoch / self.epochs)
            yield accuracy(network, test_x, test_y), accuracy(network, x, y)

    def label_scores(self, embedded: Embedded, seed: int, binary: Binary = "softmax") -> dict[str, float]:
        """`METRICS` of a network that is trained on the labels."""
        epochs = list(self.accuracies(embedded, seed, binary))
        return {"accuracy": epochs[-1][0], "train_accuracy": epochs[-1][1], "highest_accuracy": max(epochs)[0]}

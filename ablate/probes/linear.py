"""What can one linear layer read?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ablate.errors import TrialError
from ablate.probes.probe import Embedded, Features, Metrics, Probe
from ablate.settings import setting

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # of Adam, as torch has them


@dataclass(frozen=True)
class Linear(Probe):
    """Accuracy of a softmax layer trained on the features as they are, after its last epoch."""

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, linear evaluation"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "train_accuracy": "maximize"}

    epochs: int = setting(100, "passes over the training split", least=1)
    batch_size: int = setting(256, "samples in a step", least=1)
    learning_rate: float = setting(1e-3, "step size of Adam", above=0)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        layer = self.fit(embedded.train, seed)
        return {"accuracy": accuracy(layer, embedded.test), "train_accuracy": accuracy(layer, embedded.train)}

    def fit(self, train: Features, seed: int) -> Tensor:
        """The layer (D + 1, classes) that minimizes the cross-entropy of the training split, its bias last."""
        generator = torch.Generator().manual_seed(seed)
        inputs, targets = with_bias(train), one_hot(torch.tensor(train.y)).float()
        bound = (inputs.shape[1] - 1) ** -0.5  # as torch.nn.Linear draws weights and biases
        layer = torch.empty(inputs.shape[1], targets.shape[1]).uniform_(-bound, bound, generator=generator)
        self.descend(layer, self.batches(inputs, targets, generator))
        if not layer.isfinite().all():
            raise TrialError(
                f"the linear probe diverged on features as large as {np.abs(train.x).max():.3g}",
                "lower its learning rate, or the scale of the embedding",
            )
        return layer

    def descend(self, layer: Tensor, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Adam in place, by Kingma and Ba 2015, algorithm 1: a third of the time of torch's on so small a layer."""
        mean, square = torch.zeros_like(layer), torch.zeros_like(layer)  # m, v
        for step, (x, y) in enumerate(batches, start=1):
            gradient = x.T @ (torch.softmax(x @ layer, dim=1) - y) / len(x)  # of the mean cross-entropy
            mean.lerp_(gradient, 1 - BETA1)
            square.lerp_(gradient.square(), 1 - BETA2)
            root = (square / (1 - BETA2**step)).sqrt_().add_(EPSILON)
            layer.addcdiv_(mean, root, value=-self.learning_rate / (1 - BETA1**step))

    def batches(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """All epochs' batches, each epoch in its own order."""
        for _ in range(self.epochs):
            order = torch.randperm(len(inputs), generator=generator)
            shuffled = [torch.split(tensor.index_select(0, order), self.batch_size) for tensor in (inputs, targets)]
            yield from zip(*shuffled, strict=True)


def with_bias(features: Features) -> Tensor:
    """Features (N, D) → (N, D + 1), a one behind each row."""
    x = torch.tensor(features.x)
    return torch.cat([x, torch.ones(len(x), 1)], dim=1)


def accuracy(layer: Tensor, features: Features) -> float:
    """The share of samples whose largest logit is that of their label."""
    predicted = (with_bias(features) @ layer).argmax(dim=1)
    return (predicted == torch.tensor(features.y)).double().mean().item()

"""Linear evaluation: a softmax layer trained on the features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, cos, pi
from typing import TYPE_CHECKING, ClassVar, Literal

from ablate.augment import pipeline
from ablate.data_info import DataInfo
from ablate.deferred import F, np, torch
from ablate.options import option
from ablate.probes.inputs import augmented_batches, inputs_of, model_of
from ablate.probes.labels import check_labels, labelled
from ablate.probes.network import BINARY, Binary, check_finite, output_count, predictions
from ablate.probes.probe import Embedded, Features, Metrics, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's defaults in torch


@dataclass(frozen=True)
class Linear(Probe):
    """Accuracy of a softmax layer trained on the features, without rescaling: after its last and its best epoch.

    The protocol of Falcon et al. 2021 (AAVAE) is 90 epochs of SGD at learning rate 0.1 for a reference batch of 256,
    cosine schedule, and crop-flip-reflect (CIFAR-10) or resized-crop-flip (STL-10) as augmentation, on the 45000 or
    4500 labelled images that are not held out for validation.
    """

    source: ClassVar[str] = (
        "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, linear evaluation; Falcon et al. 2021 (AAVAE), "
        "arXiv:2107.12329, linear evaluation"
    )
    metrics: ClassVar[Metrics] = {
        "accuracy": "maximize",
        "train_accuracy": "maximize",
        "highest_accuracy": "maximize",  # the epoch is chosen by the test labels: optimistic
    }

    epochs: int = option(100, "passes over the training split", least=1)
    batch_size: int = option(256, "samples in a step", least=1)
    optimizer: Literal["adam", "sgd"] = option("adam", "Adam, or SGD with Nesterov's momentum")
    learning_rate: float = option(1e-3, "step size", above=0)
    reference_batch: int = option(
        0, "batch size of the learning rate, which scales with batch_size; 0: not scaled", least=0
    )
    momentum: float = option(0.9, "momentum of SGD", least=0, below=1)
    schedule: Literal["constant", "cosine"] = option("constant", "schedule of the learning rate; cosine decays to 0")
    augmentation: str = option("none", "pipeline that augments the training images anew in every epoch")
    labels: int | None = option(
        None, "labelled training samples, balanced over the classes; all where absent", least=2, added=True
    )
    binary: Binary = option("softmax", BINARY, added=True)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)
        augmentation = pipeline(self.augmentation)
        if info.shape:
            augmentation.check(info.shape)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        embedded = replace(embedded, train=labelled(embedded.train, self.labels))
        accuracies = []
        for epoch, layer in enumerate(self.fit(embedded, seed), start=1):
            accuracies.append(accuracy(layer, embedded.test))
            embedded.report_progress(epoch / self.epochs)
        last = {"accuracy": accuracies[-1], "train_accuracy": accuracy(layer, embedded.train)}
        return {**last, "highest_accuracy": max(accuracies)}

    def fit(self, embedded: Embedded, seed: int) -> Iterator[Tensor]:
        """The layer (D + 1, classes), its bias in the last row, after each epoch; the same tensor, updated in place."""
        generator = torch.Generator().manual_seed(seed)
        x, y = with_bias(embedded.train.x), F.one_hot(torch.tensor(embedded.train.y)).float()
        y = y[:, -output_count(y.shape[1], self.binary) :]  # of two classes the second, for a sigmoid
        bound = (x.shape[1] - 1) ** -0.5  # as torch.nn.Linear draws weights and biases
        layer = torch.empty(x.shape[1], y.shape[1]).uniform_(-bound, bound, generator=generator)
        step = Adam() if self.optimizer == "adam" else Nesterov(self.momentum)
        rates = self.learning_rates(self.epochs * ceil(len(x) / self.batch_size))
        for _ in range(self.epochs):
            features = x if self.augmentation == "none" else self.augmented(embedded, generator)
            for inputs, targets in self.batches(features, y, generator):
                step(layer, cross_entropy_gradient(layer, inputs, targets), next(rates))
            check_finite([layer], "linear probe", x[:, :-1])
            yield layer

    def learning_rates(self, steps: int) -> Iterator[float]:
        """The learning rate of each step (cosine: Loshchilov and Hutter 2017, eq. 5, without restarts)."""
        start = self.learning_rate * (self.batch_size / self.reference_batch if self.reference_batch else 1.0)
        for step in range(steps):
            yield start if self.schedule == "constant" else start * (1 + cos(pi * step / steps)) / 2

    def batches(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch, in random order."""
        order = torch.randperm(len(inputs), generator=generator)
        shuffled = [torch.split(tensor.index_select(0, order), self.batch_size) for tensor in (inputs, targets)]
        yield from zip(*shuffled, strict=True)

    def augmented(self, embedded: Embedded, generator: torch.Generator) -> Tensor:
        """The features (N, D + 1) of a new view of every training image, with a last column of ones."""
        model = model_of(embedded)
        views = augmented_batches(inputs_of(embedded.train), self.augmentation, generator)
        return with_bias(torch.cat([model.embed(batch) for batch in views]).numpy())


def cross_entropy_gradient(layer: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of a softmax layer's mean cross-entropy on inputs (B, D + 1) with one-hot labels (B, classes).

    Of a layer with a single output it is that of its sigmoid, with labels 0 and 1 (B, 1).
    """
    logits = x @ layer
    return x.T @ ((logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)) - y) / len(x)


class Adam:
    """Kingma and Ba 2015, algorithm 1, in a third of the time of torch.optim.Adam for a layer this small."""

    def __init__(self) -> None:
        self.steps = 0
        self.mean, self.square = torch.zeros(()), torch.zeros(())  # m, v

    def __call__(self, layer: Tensor, gradient: Tensor, learning_rate: float) -> None:
        self.steps += 1
        self.mean = torch.lerp(self.mean.expand_as(gradient), gradient, 1 - BETA1)
        self.square = torch.lerp(self.square.expand_as(gradient), gradient.square(), 1 - BETA2)
        root = (self.square / (1 - BETA2**self.steps)).sqrt_().add_(EPSILON)
        layer.addcdiv_(self.mean, root, value=-learning_rate / (1 - BETA1**self.steps))


class Nesterov:
    """SGD with Nesterov's momentum (Sutskever et al. 2013), in the form of torch.optim.SGD."""

    def __init__(self, momentum: float) -> None:
        self.momentum = momentum
        self.velocity = torch.zeros(())

    def __call__(self, layer: Tensor, gradient: Tensor, learning_rate: float) -> None:
        self.velocity = self.momentum * self.velocity + gradient
        layer.sub_(gradient + self.momentum * self.velocity, alpha=learning_rate)


def with_bias(x: NDArray[np.float32]) -> Tensor:
    """Features (N, D) → (N, D + 1), with a last column of ones."""
    features = torch.tensor(x)
    return torch.cat([features, torch.ones(len(features), 1)], dim=1)


def accuracy(layer: Tensor, features: Features) -> float:
    """The share of samples whose label is predicted."""
    predicted = predictions(with_bias(features.x) @ layer)
    return (predicted == torch.tensor(features.y)).double().mean().item()

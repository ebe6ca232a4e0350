"""Prediction of binary attributes, by one small network for each."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from ablate.data_info import DataInfo
from ablate.deferred import F, np, torch
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.hidden_layer import HiddenLayerProbe
from ablate.probes.inputs import fastest
from ablate.probes.network import check_finite, outputs, perceptron, shuffled, train
from ablate.probes.probe import Embedded, Features, Matrix, Metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Attributes(HiddenLayerProbe):
    """Accuracy of perceptrons with a hidden layer as wide as the features: one per attribute, or one for the label.

    The accuracy is the mean over the attributes.  The network of an attribute has one output and the threshold 0.5, as
    has that of a label with two classes; with more classes there is an output for each.
    """

    source: ClassVar[str] = (
        "Bizeul, Schölkopf and Allen 2024 (SimVAE), A Probabilistic Model to explain Self-Supervised Representation "
        "Learning, figures 4 (right) and 5"
    )
    metrics: ClassVar[Metrics] = {
        "accuracy": "maximize",
        "highest_accuracy": "maximize",  # each attribute at its best epoch on the test split: optimistic
    }

    task: Literal["attributes", "label"] = option("attributes", "what is predicted: binary targets, or the label")
    columns: str = option("all", "the attributes to predict: all, or positions from 0, separated by commas: 4,8,20")

    def check(self, info: DataInfo) -> None:
        if self.task == "label":
            return super().check(info)
        if info.targets == 0:
            raise StudyError(
                "this probe needs attributes, and there are 0 targets", "choose celeba, or set task: label"
            )
        self.positions(info.targets)
        return None

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        accuracies = self.trained_accuracies(embedded, seed)
        return {"accuracy": float(accuracies[-1].mean()), "highest_accuracy": float(accuracies.max(axis=0).mean())}

    def pictures(self, embedded: Embedded, seed: int) -> Mapping[str, Matrix]:
        """The accuracy of each attribute."""
        if self.task != "attributes":
            return {}
        accuracies = self.trained_accuracies(embedded, seed)[-1]
        targets = embedded.train.targets
        assert targets is not None, "checked"
        names = tuple(f"attribute {position}" for position in self.positions(targets.shape[1]))
        return {"attributes": Matrix(accuracies[:, None], names, ("accuracy",), 0.0, 1.0)}

    def positions(self, targets: int) -> list[int]:
        """The target columns that `columns` selects of so many.  Raises StudyError where it names others."""
        if self.columns == "all":
            return list(range(targets))
        parts = [part.strip() for part in self.columns.split(",")]
        if not all(part.isdecimal() and int(part) < targets for part in parts):
            problem = f"columns '{self.columns}' are not numbers of the targets 0 to {targets - 1}"
            raise StudyError(problem, "write all, or numbers such as 4,8,20")
        return [int(part) for part in parts]

    def trained_accuracies(self, embedded: Embedded, seed: int) -> NDArray[np.float64]:
        """Accuracies (epochs, attributes) on the test split; cached, so that score and picture share one training."""
        self.check_embedded(embedded)
        return cached_accuracies(Training(self, seed, digest_of(embedded), replace(embedded, model=None)))

    def train_networks(self, embedded: Embedded, seed: int) -> NDArray[np.float64]:
        """Accuracies (epochs, attributes) on the test split, after each epoch of a new training."""
        if self.task == "label" and max(embedded.train.y.max(), embedded.test.y.max()) > 1:
            return np.array([[test] for test, _ in self.accuracies(embedded, seed)])
        return self.train_bank(embedded, self.answers(embedded.train), self.answers(embedded.test), seed)

    def answers(self, split: Features) -> Tensor:
        """The values to predict (N, T), each 0 or 1.  Raises StudyError for other targets."""
        if self.task == "label":
            return torch.tensor(split.y[:, None]).float()
        assert split.targets is not None, "checked"
        answers = torch.tensor(split.targets[:, self.positions(split.targets.shape[1])])
        if not torch.isin(answers, torch.tensor([0.0, 1.0])).all():
            raise StudyError("the targets are not all 0 or 1", "use the probe regression")
        return answers

    def train_bank(self, embedded: Embedded, y: Tensor, test_y: Tensor, seed: int) -> NDArray[np.float64]:
        """Train one network per column of y (N, T), all on the same batches and from the same initial weights."""
        from ablate.probes.bank import Bank

        splits = torch.tensor(embedded.train.x), torch.tensor(embedded.test.x), y, test_y
        x, test_x, y, test_y = (tensor.to(fastest()) for tensor in splits)
        generator = torch.Generator().manual_seed(seed)
        bank = Bank(perceptron((x.shape[1], x.shape[1], 1), generator), y.shape[1]).to(x.device)
        optimizer = torch.optim.Adam(bank.parameters(), lr=self.learning_rate)
        accuracies = []
        for epoch in range(1, self.epochs + 1):
            batches = ((x[rows], y[rows]) for rows in shuffled(len(y), self.batch_size, generator))
            train(bank, batches, optimizer, cross_entropy)
            check_finite(bank.parameters(), "attributes probe", x)
            embedded.report_progress(epoch / self.epochs)
            right = (outputs(bank, test_x) > 0) == (test_y > 0.5)
            accuracies.append(right.double().mean(dim=0).cpu().numpy())
        return np.stack(accuracies)


def cross_entropy(logits: Tensor, answers: Tensor) -> Tensor:
    """The sum over columns (B, T) of each one's mean cross-entropy: its gradient is that of separate trainings."""
    return F.binary_cross_entropy_with_logits(logits, answers) * answers.shape[1]


@dataclass(frozen=True)
class Training:
    """The arguments of a training, compared by all that decides its result."""

    probe: Attributes
    seed: int
    digest: str
    embedded: Embedded = field(compare=False)


@functools.lru_cache(maxsize=1)
def cached_accuracies(training: Training) -> NDArray[np.float64]:
    """`Attributes.train_networks`, cached for the latest arguments."""
    return training.probe.train_networks(training.embedded, training.seed)


def digest_of(embedded: Embedded) -> str:
    """The SHA-256 of features, labels and targets of the training and the test split."""
    found = hashlib.sha256()
    for split in (embedded.train, embedded.test):
        for array in (split.x, split.y, split.targets):
            found.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return found.hexdigest()

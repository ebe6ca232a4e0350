"""What can networks with one hidden layer read of a sample's attributes?"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.inputs import fastest
from ablate.probes.mlp import MLP
from ablate.probes.network import check_finite, outputs, perceptron, shuffled, train
from ablate.probes.probe import Embedded, Features, Matrix, Metrics, Probe


@dataclass(frozen=True)
class Attributes(Probe):
    """Accuracy of perceptrons, as wide inside as the features: one for each attribute, or one for the label.

    The accuracy is the mean over the attributes.  Each has one output and the threshold 0.5, and so has a label of two
    classes; more classes have an output each.
    """

    source: ClassVar[str] = (
        "Bizeul, Schölkopf and Allen 2024 (SimVAE), A Probabilistic Model to explain Self-Supervised Representation "
        "Learning, figures 4 (right) and 5"
    )
    metrics: ClassVar[Metrics] = {
        "accuracy": "maximize",
        "highest_accuracy": "maximize",  # each attribute at its best epoch, chosen by the test: optimistic
    }

    task: Literal["attributes", "label"] = option("attributes", "what is asked")
    columns: str = option("all", "the attributes to ask for, counted from 0 and parted by commas, such as 4,8,20")
    epochs: int = option(200, "passes over the training split", least=1)
    batch_size: int = option(128, "samples in a step", least=2)
    learning_rate: float = option(3e-4, "step size of Adam", above=0)

    def check(self, info: DataInfo) -> None:
        if self.task == "label":
            return super().check(info)
        if info.targets == 0:
            raise StudyError("there are 0 targets where attributes are asked for", "choose celeba")
        self.asked(info.targets)
        return None

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        right = self.learned(embedded, seed)
        return {"accuracy": float(right[-1].mean()), "highest_accuracy": float(right.max(axis=0).mean())}

    def pictures(self, embedded: Embedded, seed: int) -> Mapping[str, Matrix]:
        """The accuracy of each attribute."""
        if self.task != "attributes":
            return {}
        right = self.learned(embedded, seed)[-1]
        targets = embedded.train.targets
        assert targets is not None, "checked"
        names = tuple(f"attribute {column}" for column in self.asked(targets.shape[1]))
        return {"attributes": Matrix(right[:, None], names, ("accuracy",), 0.0, 1.0)}

    def asked(self, targets: int) -> list[int]:
        """The columns of the targets that count.  Raises StudyError where the setting names others."""
        if self.columns == "all":
            return list(range(targets))
        parts = [part.strip() for part in self.columns.split(",")]
        if not all(part.isdecimal() and int(part) < targets for part in parts):
            problem = f"columns '{self.columns}' are not numbers of the targets 0 to {targets - 1}"
            raise StudyError(problem, "write all, or numbers such as 4,8,20")
        return [int(part) for part in parts]

    def learned(self, embedded: Embedded, seed: int) -> NDArray[np.float64]:
        """The accuracies (epochs, attributes) on the test split; scores and picture share one training."""
        self.examine(embedded)
        return answers(Lesson(self, seed, digest(embedded), replace(embedded, model=None)))

    def fit(self, embedded: Embedded, seed: int) -> NDArray[np.float64]:
        """The accuracies (epochs, attributes) on the test split, after each epoch of a new training."""
        if self.task == "label" and max(embedded.train.y.max(), embedded.test.y.max()) > 1:
            return self.classify(embedded, seed)
        return self.train_bank(embedded, self.answers_of(embedded.train), self.answers_of(embedded.test), seed)

    def classify(self, embedded: Embedded, seed: int) -> NDArray[np.float64]:
        mlp = MLP(self.epochs, self.batch_size, self.learning_rate)
        return np.array([[test] for test, _ in mlp.fit(embedded, seed)])

    def answers_of(self, split: Features) -> Tensor:
        """What the networks are to say (N, T), each 0 or 1."""
        if self.task == "label":
            return torch.tensor(split.y[:, None]).float()
        assert split.targets is not None, "checked"
        answers = torch.tensor(split.targets[:, self.asked(split.targets.shape[1])])
        if not torch.isin(answers, torch.tensor([0.0, 1.0])).all():
            raise StudyError("the targets are not all 0 or 1", "ask the probe regression")
        return answers

    def train_bank(self, embedded: Embedded, y: Tensor, test_y: Tensor, seed: int) -> NDArray[np.float64]:
        """One network for each column of answers (N, T), all on the same batches and from the same start."""
        numbers = torch.tensor(embedded.train.x), torch.tensor(embedded.test.x), y, test_y
        x, test_x, y, test_y = (tensor.to(fastest()) for tensor in numbers)
        generator = torch.Generator().manual_seed(seed)
        bank = Bank(perceptron((x.shape[1], x.shape[1], 1), generator), y.shape[1]).to(x.device)
        optimizer = torch.optim.Adam(bank.parameters(), lr=self.learning_rate)
        right = []
        for epoch in range(1, self.epochs + 1):
            batches = ((x[rows], y[rows]) for rows in shuffled(len(y), self.batch_size, generator))
            train(bank, batches, optimizer, entropy)
            check_finite(bank, "attributes probe", x)
            embedded.tell(epoch / self.epochs)
            right.append(((outputs(bank, test_x) > 0) == (test_y > 0.5)).double().mean(dim=0).cpu().numpy())
        return np.stack(right)


class Bank(nn.Module):
    """Copies of a perceptron of one output that share nothing: features (B, L) → logits (B, T), one of each copy."""

    def __init__(self, network: nn.Sequential, copies: int) -> None:
        super().__init__()
        hidden, _, last = network
        assert isinstance(hidden, nn.Linear)
        assert isinstance(last, nn.Linear)
        self.weight = nn.Parameter(hidden.weight.detach().repeat(copies, 1))
        self.bias = nn.Parameter(hidden.bias.detach().repeat(copies))
        self.last_weight = nn.Parameter(last.weight.detach().repeat(copies, 1))
        self.last_bias = nn.Parameter(last.bias.detach().repeat(copies))

    def forward(self, x: Tensor) -> Tensor:
        hidden = nn.functional.linear(x, self.weight, self.bias).relu().unflatten(1, self.last_weight.shape)
        logits: Tensor = (hidden * self.last_weight).sum(2) + self.last_bias
        return logits


def entropy(logits: Tensor, answers: Tensor) -> Tensor:
    """The mean cross-entropy of each column (B, T), summed: so that each network learns as if alone."""
    return binary_cross_entropy_with_logits(logits, answers) * answers.shape[1]


@dataclass(frozen=True)
class Lesson:
    """What to train, known by what decides the answers."""

    probe: Attributes
    seed: int
    digest: str
    embedded: Embedded = field(compare=False)


@functools.lru_cache(maxsize=1)
def answers(lesson: Lesson) -> NDArray[np.float64]:
    return lesson.probe.fit(lesson.embedded, lesson.seed)


def digest(embedded: Embedded) -> str:
    """A name for all numbers that are learned from or judged."""
    found = hashlib.sha256()
    for split in (embedded.train, embedded.test):
        for array in (split.x, split.y, split.targets):
            found.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return found.hexdigest()

"""What every probe promises: to score frozen embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError

Direction = Literal["maximize", "minimize"]
Metrics = Mapping[str, Direction]


Capability = Literal["posterior", "code", "log_likelihood", "view", "predict"]  # what some methods can do besides embed


class Model(Protocol):
    """The frozen network behind an embedding; all tensors are on the CPU, and none has a gradient."""

    @property
    def parameters(self) -> int:
        """How many learned numbers are kept: an encoder's, and a decoder's or classifier's where there is one."""

    def can(self, role: Capability) -> bool:
        """Whether the method plays a role; asking for another one is an error of the program."""

    def embed(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → representations (B, D)."""

    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (B, ...) → mean and log variance (B, L) of q(z | x)."""

    def code(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → codes (B, L) that `decode` understands."""

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, L) → inputs (B, ...)."""

    def log_likelihood(self, inputs: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z) in nats (B,)."""

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """One view of each input (B, ...), drawn as training draws them."""

    def predict(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → the method's own logits (B, C)."""


@dataclass(frozen=True)
class Inputs:
    """The points of a split as they were before the encoder: rows of a whole data set that stays where it is."""

    values: Tensor  # (M, ...) of the data set, uint8 or float32
    rows: Tensor  # (N,) of them
    scale: float  # of values to inputs

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, index: Tensor) -> Tensor:
        """The inputs (B, ...) at positions (B,) of the split, as floats."""
        return self.values[self.rows[index]].float() * self.scale


@dataclass(frozen=True)
class Features:
    """Embeddings x (N, D), labels y (N,), targets (N, T) where the data set has some, and what they were made of."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    targets: NDArray[np.float32] | None = None
    inputs: Inputs | None = None


def unheard(share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Embedded:
    """A data set seen through a frozen encoder.

    `judged` is what measures without labels look at: the test split of the image sets, every point of the others.  A
    probe that takes its time calls `tell` now and then with the share that it has done.
    """

    train: Features
    test: Features
    evaluation: Features
    model: Model | None = None
    tell: Callable[[float], None] = unheard


@dataclass(frozen=True)
class Matrix:
    """A picture that a probe leaves: values (R, C) between `low` and `high`, with the names of rows and columns."""

    values: NDArray[np.float64]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    low: float
    high: float


class Probe(ABC):
    """A question about frozen embeddings; subclasses are frozen dataclasses, their fields the settings."""

    revision: ClassVar[str] = "1"  # raise it when scores change: finished trials are then scored again
    source: ClassVar[str]
    metrics: ClassVar[Metrics]  # what is reported, and which way is better
    best_of_snapshots: ClassVar[bool] = False  # whether `score_all` adds the best over the last epochs as `best_…`
    needs: ClassVar[tuple[Capability, ...]] = ()  # what the method must be able to do

    @abstractmethod
    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        """The metrics of one encoder; deterministic in its arguments, none of which it changes.

        Raises TrialError for features that are not finite, StudyError for data that `check` refuses.
        """

    def pictures(self, embedded: Embedded, seed: int) -> Mapping[str, Matrix]:
        """What there is to look at beside the metrics, by name."""
        return {}

    def check(self, info: DataInfo) -> None:
        """Raise StudyError where these settings cannot work on so much data; one that needs no labels overrides it.

        Called before anything trains, and again by `examine`.
        """
        if info.classes < 2:
            raise StudyError(
                f"this probe needs labels of two classes or more, and there are {info.classes}",
                "choose a labelled data set, or leave the probe out",
            )

    def examine(self, embedded: Embedded) -> None:
        """Refuse what cannot be scored; the first line of every `score`."""
        for split, features in (
            ("train", embedded.train),
            ("test", embedded.test),
            ("evaluation", embedded.evaluation),
        ):
            broken = len(features.x) - int(np.isfinite(features.x).all(axis=1).sum())
            if broken:
                raise TrialError(
                    f"the embedding of the {split} split is not finite for {broken} of {len(features.x)} samples",
                    "training has diverged: lower the learning rate, or see where the loss left its course",
                )
        classes = len(np.union1d(embedded.train.y, embedded.evaluation.y))
        targets = 0 if embedded.train.targets is None else embedded.train.targets.shape[1]
        self.check(
            DataInfo(
                probed=len(embedded.train.y), evaluation=len(embedded.evaluation.y), classes=classes, targets=targets
            )
        )


def with_best(metrics: Metrics) -> Metrics:
    """The metrics of a probe that is also scored on the snapshots of the last epochs."""
    return {**metrics, **{f"best_{name}": direction for name, direction in metrics.items()}}


def score_all(
    probes: Mapping[str, Probe], views: Sequence[Embedded], seed: int, snapshots: int | None = None
) -> dict[str, float]:
    """All metrics of an encoder, as `clustering/accuracy`; `views` are its last epochs, the oldest first.

    Scores are those of the last epoch.  Probes that say `best_of_snapshots` add `clustering/best_accuracy`, each metric
    at its best over the views: what a paper reports that chooses its epoch by the labels.  They are added where there
    is more than one view, or were to be more `snapshots`: a method that is fitted has one, its best and its last.
    """
    scores: dict[str, float] = {}
    for name, probe in probes.items():
        last = probe.score(views[-1], seed)
        if probe.best_of_snapshots and (snapshots or len(views)) > 1:
            earlier = [probe.score(view, seed) for view in views[:-1]]
            last = {**last, **best(probe.metrics, [*earlier, last])}
        scores |= {f"{name}/{metric}": value for metric, value in last.items()}
    return scores


def best(metrics: Metrics, scored: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Each metric's best over several scores, named `best_…`."""
    choose = {"maximize": max, "minimize": min}
    return {f"best_{name}": choose[metrics[name]](scores[name] for scores in scored) for name in scored[-1]}

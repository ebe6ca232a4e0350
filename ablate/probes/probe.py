"""What every probe promises: to score frozen embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Features:
    """Embeddings x (N, D) float32 and labels y (N,) int64."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


@dataclass(frozen=True)
class Embedded:
    """A data set seen through a frozen encoder.

    `judged` is what measures without labels look at: the test split of the image sets, every point of the others.
    """

    train: Features
    test: Features
    judged: Features


class Probe(ABC):
    """A question about frozen embeddings; subclasses are frozen dataclasses, their fields the settings."""

    revision: ClassVar[str] = "1"  # raise it when scores change: finished trials are then scored again
    source: ClassVar[str]
    metrics: ClassVar[Mapping[str, Direction]]  # what `score` returns, and which way is better

    @abstractmethod
    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        """Deterministic in its arguments."""

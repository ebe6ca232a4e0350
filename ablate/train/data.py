"""The training set on its device, and the order in which each epoch visits it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.data_info import DataInfo
from ablate.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TrainingSet:
    """Inputs (N, ...), uint8 or float32, that become floats as `inputs * scale`, and their labels (N,)."""

    inputs: Tensor
    labels: Tensor
    scale: float

    def to(self, device: torch.device) -> TrainingSet:
        """The same samples on a device."""
        return TrainingSet(self.inputs.to(device), self.labels.to(device), self.scale)

    def info(self, batch_size: int) -> DataInfo:
        """Shape, samples and classes of this set, with the samples of a batch."""
        classes = int(self.labels.max()) + 1
        return DataInfo(tuple(self.inputs.shape[1:]), len(self.inputs), classes, batch_size)

    def batch(self, index: Tensor) -> dict[str, Tensor]:
        """The samples at index (..., B): "input" (..., B, ...) scaled floats, "label" and "index" (..., B)."""
        flat = index.flatten()
        inputs = self.inputs.index_select(0, flat) * self.scale
        labels = self.labels.index_select(0, flat)
        return {
            "input": inputs.view(*index.shape, *inputs.shape[1:]),
            "label": labels.view(index.shape),
            "index": index,
        }


def seeded_generator(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """An independent stream for each seed and purpose, so that variants of one seed share initialization and order."""
    content = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(content[:7], "big"))


def epoch_permutation(seed: int, epoch: int, samples: int) -> Tensor:
    """The permutation (N,) of an epoch, a function of the arguments alone, so that a resumed epoch continues in it."""
    return torch.randperm(samples, generator=seeded_generator(seed, f"order of epoch {epoch}"))

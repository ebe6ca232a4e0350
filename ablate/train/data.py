"""What training sees, already on the device, and in which order."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from ablate.data_info import DataInfo


@dataclass(frozen=True)
class TrainingSet:
    """Inputs (N, ...), uint8 or float32, that become floats as `inputs * scale`, and their labels (N,)."""

    inputs: Tensor
    labels: Tensor
    scale: float

    def info(self, batch_size: int) -> DataInfo:
        classes = int(self.labels.max()) + 1
        return DataInfo(tuple(self.inputs.shape[1:]), len(self.inputs), classes, batch_size)

    def batch(self, index: Tensor) -> dict[str, Tensor]:
        """The points at index (..., B): inputs (..., B, ...), labels (..., B)."""
        flat = index.flatten()
        inputs = self.inputs.index_select(0, flat) * self.scale
        labels = self.labels.index_select(0, flat)
        return {
            "input": inputs.view(*index.shape, *inputs.shape[1:]),
            "label": labels.view(index.shape),
            "index": index,
        }


def generator(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A stream of its own for each seed and purpose, so that variants of one seed start and proceed alike."""
    content = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(content[:7], "big"))


def order(seed: int, epoch: int, samples: int) -> Tensor:
    """The permutation (N,) of an epoch; it depends on nothing but the arguments, so a resumed epoch goes on in it."""
    return torch.randperm(samples, generator=generator(seed, f"order of epoch {epoch}"))

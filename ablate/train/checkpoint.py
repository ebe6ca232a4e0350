"""Checkpoints: everything that resuming a trial needs, as plain tensors and numbers, written atomically."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ablate import tensor_file
from ablate.errors import DamagedFile
from ablate.nets.functional import Tensors

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 2  # increase it when the fields change; format 1, of version 0.1, named no trial


@dataclass(frozen=True)
class Checkpoint:
    """A trial between two optimizer steps; the tensors are contiguous, on the CPU, and share no memory."""

    step: int  # optimizer steps done
    params: Tensors
    state: Tensors
    optimizers: tuple[Mapping[str, Tensors], ...]  # per objective: parameter → the optimizer's state
    noise: Tensor  # state of the noise generator
    device: str  # type of the device of this generator
    sums: Mapping[str, float]  # of the losses' values since the epoch began
    snapshots: Mapping[int, Tensors]  # epoch → encoder at its end
    validation_loss: float = math.inf  # the least of the epochs, where it decides which encoder is kept


def save(path: Path, checkpoint: Checkpoint, key: str = "", recorded: int = 0) -> None:
    """Write the checkpoint of the trial with this key, `recorded` of whose values are on the disk already."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    tensor_file.save(path, key, {**content, "recorded": recorded, "format": FORMAT})


def load(path: Path, key: str = "", recorded: int = 0) -> Checkpoint | None:
    """The checkpoint at `path`, None where there is none.

    Raises DamagedFile where it is damaged, is of another trial or format, or where more values were recorded before it
    than there are now: to continue from there would leave them out.
    """
    try:
        content = tensor_file.load(path)
    except FileNotFoundError:
        return None
    written = content.pop("format", None)
    if written != FORMAT:
        raise DamagedFile(f"the checkpoint has format {written}, not {FORMAT}", "", str(path))
    tensor_file.check_key(path, content.pop(tensor_file.KEY), key)
    tensor_file.check_recorded(path, content.pop("recorded"), recorded)
    return Checkpoint(**content)

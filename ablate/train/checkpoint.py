"""Checkpoints: everything that resuming a trial needs, as plain tensors and numbers, written atomically."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.deferred import torch
from ablate.errors import TrialError
from ablate.nets.functional import Tensors

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1  # increase it when the fields change


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


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically: after a crash the file is the previous one or this one, never a part."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        torch.save({**content, "format": FORMAT}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    synchronize(path.parent)


def synchronize(folder: Path) -> None:
    """Flush the folder to disk, so that a rename in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, None where there is none.  Raises TrialError where the file is damaged."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        content = unpacked(stored)
        written = content.pop("format")
    except Exception as problem:  # torch, zipfile and pickle raise different types for damaged bytes
        remedy = "delete it to train this trial from its start"
        raise TrialError(f"the checkpoint is damaged ({problem})", remedy, str(path)) from problem
    if written != FORMAT:
        remedy = "delete it to train this trial from its start, or use the version of ablate that wrote it"
        raise TrialError(f"the checkpoint has format {written}, not {FORMAT}", remedy, str(path))
    return Checkpoint(**content)


def unpacked(stored: bytes) -> dict[str, Any]:
    """The fields that `save` wrote, after a check of the archive's checksums, which torch ignores."""
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
    content: dict[str, Any] = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
    return content

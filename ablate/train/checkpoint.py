"""Everything a trial needs to go on, as plain tensors and numbers."""

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ablate.errors import TrialError

Tensors = Mapping[str, Tensor]
FORMAT = 1  # raise it when the fields change


@dataclass(frozen=True)
class Checkpoint:
    """A trial between two optimizer steps; its tensors are its own, contiguous, on the CPU."""

    step: int  # optimizer steps done
    params: Tensors
    state: Tensors
    optimizers: tuple[Mapping[str, Tensors], ...]  # per turn: parameter → what the optimizer remembers of it
    noise: Tensor  # state of the generator that noise is drawn from
    device: str  # the kind of device that this generator belongs to
    sums: Mapping[str, float]  # of the values shown since the epoch began
    snapshots: Mapping[int, Tensors]  # epoch → encoder at its end


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint so that a crash at any time leaves the former one or this one, never a part."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        torch.save({**content, "format": FORMAT}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    synchronize(path.parent)


def synchronize(folder: Path) -> None:
    """Make a rename in the folder outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, None where there is none; TrialError where the file cannot be read as one."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        content = unpacked(stored)
        written = content.pop("format")
    except Exception as problem:  # torch, zipfile and pickle each have their own ways to say that bytes are wrong
        remedy = "delete it to train this trial from its start"
        raise TrialError(f"the checkpoint is damaged ({problem})", remedy, str(path)) from problem
    if written != FORMAT:
        remedy = "delete it to train this trial from its start, or use the version of ablate that wrote it"
        raise TrialError(f"the checkpoint has format {written}, not {FORMAT}", remedy, str(path))
    return Checkpoint(**content)


def unpacked(stored: bytes) -> dict[str, Any]:
    """What `save` wrote, after a look at the checksums, which torch passes over."""
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
    content: dict[str, Any] = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
    return content

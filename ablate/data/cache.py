"""Data sets as memory-mapped tensors: decoded once per node, shared by its workers."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ablate.data import DATASETS
from ablate.data.dataset import Data, Dataset
from ablate.data.files import fetch
from ablate.errors import DataError
from ablate.lock import locked
from ablate.paths import data_folder

ARRAYS = ("x", "y", "test", "targets")  # the last one only where there are some


def load(name: str, tensors: Path) -> Data:
    """A data set from the folder of memory-mapped tensors, its original files decoded the first time.

    Raises StudyError where no data set has that name, DataError where its files are missing or damaged.
    """
    dataset = DATASETS[name]()
    folder = tensors / f"{name}-{dataset.edition(data_folder())}"
    data = kept(folder)
    if data is None:
        make(dataset, folder)
        data = kept(folder)
        assert data is not None
    return data


def kept(folder: Path) -> Data | None:
    """Map the tensors of a folder into memory; None where they are absent or cut short.

    Pages are copied on write, so nothing that is done to the tensors reaches the files.
    """
    try:
        facts = json.loads((folder / "data.json").read_text())
        if any((folder / file).stat().st_size != size for file, size in facts["bytes"].items()):
            return None
        tensors = {array: mapped(folder / f"{array}.npy") for array in ARRAYS if f"{array}.npy" in facts["bytes"]}
        return Data(**tensors, scale=facts["scale"], learns_from=facts["learns_from"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def mapped(path: Path) -> Tensor:
    """A tensor whose memory is a file, copied where it is written to."""
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def make(dataset: Dataset, folder: Path) -> None:
    """Decode a data set's original files into a folder; of several processes one does, the others wait."""
    originals = data_folder()
    try:
        with locked(folder.with_name(f".{folder.name}.lock")):
            if kept(folder) is None:
                fetch(dataset, originals, folder.parent)
                write(dataset.read(originals), folder)
    except OSError as error:
        remedy = "free some space, or set ABLATE_STORE to a folder that can be written"
        raise DataError(f"the tensors cannot be kept: {error.strerror}", remedy, str(folder)) from error


def write(data: Data, folder: Path) -> None:
    """Replace a folder by the tensors of a data set, at once: no reader ever finds half of it."""
    part = folder.with_name(f".{folder.name}.part")  # one writer at a time: the caller holds the lock
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        tensors = {array: tensor for array in ARRAYS if (tensor := getattr(data, array)) is not None}
        sizes = {f"{array}.npy": save(tensor.numpy(), part / f"{array}.npy") for array, tensor in tensors.items()}
        facts = {"scale": data.scale, "learns_from": data.learns_from, "samples": len(data.x), "bytes": sizes}
        (part / "data.json").write_text(json.dumps(facts, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def save(array: np.ndarray, path: Path) -> int:
    """Write an array through to the disk and return the size of its file."""
    with path.open("wb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size

"""A cache of decoded data sets: memory-mapped tensors, written once per node and shared by its workers."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.data import DATASETS
from ablate.data.dataset import Data, Dataset
from ablate.data.files import fetch
from ablate.deferred import np, torch
from ablate.errors import DataError
from ablate.lock import locked
from ablate.paths import data_folder

if TYPE_CHECKING:
    from torch import Tensor

ARRAYS = ("x", "y", "test", "targets")  # `targets` only where the data set has some


def load_data(name: str, tensors: Path) -> Data:
    """The data set of a name, memory-mapped from its folder below `tensors`; decoded first if it is not there yet.

    Raises StudyError where no data set has that name, DataError where its original files are missing or damaged.
    """
    dataset = DATASETS[name]()
    folder = tensors / f"{name}-{dataset.fingerprint(data_folder())}"
    data = read_cache(folder)
    if data is None:
        fill_cache(dataset, folder)
        data = read_cache(folder)
        assert data is not None
    return data


def read_cache(folder: Path) -> Data | None:
    """Map the tensors in a folder into memory; None where they are absent or truncated.

    Pages are copied on write, so changing a tensor changes no file.
    """
    try:
        header = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        if any((folder / file).stat().st_size != size for file, size in header["bytes"].items()):
            return None
        tensors = {array: map_array(folder / f"{array}.npy") for array in ARRAYS if f"{array}.npy" in header["bytes"]}
        return Data(**tensors, scale=header["scale"], training_split=header["training_split"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def map_array(path: Path) -> Tensor:
    """A tensor over a memory-mapped .npy file; pages are copied on write."""
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def fill_cache(dataset: Dataset, folder: Path) -> None:
    """Decode a data set's original files into a folder; one process does so while the others wait for its lock."""
    originals = data_folder()
    try:
        with locked(folder.with_name(f".{folder.name}.lock")):
            if read_cache(folder) is None:
                fetch(dataset, originals, folder.parent)
                write_cache(dataset.read(originals), folder)
    except OSError as error:
        remedy = "free some space, or set ABLATE_STORE to a folder that can be written"
        raise DataError(f"the tensors cannot be stored: {error.strerror}", remedy, str(folder)) from error


def write_cache(data: Data, folder: Path) -> None:
    """Replace a folder by the tensors of a data set, atomically, by renaming; the caller holds the folder's lock."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        tensors = {array: tensor for array in ARRAYS if (tensor := getattr(data, array)) is not None}
        sizes = {
            f"{array}.npy": write_array(tensor.numpy(), part / f"{array}.npy") for array, tensor in tensors.items()
        }
        header = {"scale": data.scale, "training_split": data.training_split, "samples": len(data.x), "bytes": sizes}
        (part / "data.json").write_text(json.dumps(header, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_array(array: np.ndarray, path: Path) -> int:
    """Write an array to a file, flush it to the disk, and return the size of the file in bytes."""
    with path.open("wb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size

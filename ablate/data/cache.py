"""A cache of decoded data sets: memory-mapped tensors, written once per node and shared by its workers."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.data import DATASETS
from ablate.data.checksum import checksum
from ablate.data.dataset import Data, Dataset
from ablate.data.files import CHECKSUMS, decoding, fetch
from ablate.data.remembered import remembered_checksum
from ablate.deferred import np, torch
from ablate.errors import DataError
from ablate.lock import locked
from ablate.paths import data_folder
from ablate.trial import digest

if TYPE_CHECKING:
    from torch import Tensor

ARRAYS = ("x", "y", "test", "targets")  # `targets` only where the data set has some


def load_data(name: str, tensors: Path, content: str | None = None) -> Data:
    """The data set of a name, memory-mapped from its folder below `tensors`; decoded first if it is not there yet.

    `content` is the `Config.data` of the trials that are to use it; left out, it is that of the files as they are now.
    Raises StudyError where no data set has that name, DataError where its original files are missing or damaged, or are
    no longer those of the trials.
    """
    folder = cache_data(name, tensors, content)
    header = read_header(folder)
    assert header is not None
    mapped = {array: map_array(folder / f"{array}.npy") for array in ARRAYS if f"{array}.npy" in header["arrays"]}
    return Data(**mapped, scale=header["scale"], training_split=header["training_split"])


def cache_data(name: str, tensors: Path, content: str | None = None, shared: Path | None = None) -> Path:
    """The folder of a data set's tensors, decoded first if they are not there yet; else it loads no torch.

    They are copied where the folder `shared`, of a store, has them.  Other arguments and errors are those of
    `load_data`.
    """
    dataset = DATASETS[name]()
    content = content_now(dataset, tensors) if content is None else content
    folder = folder_of(name, tensors, content)
    if read_header(folder) is None:
        fill_cache(dataset, content, folder, tensors if shared is None else shared)
    return folder


def content_now(dataset: Dataset, tensors: Path) -> str:
    """The content of the original files as they are now; those are downloaded first by which it is known."""
    if dataset.incomplete(data_folder()):
        fetch(dataset, data_folder(), tensors)
    return dataset.content(data_folder())


def is_cached(name: str, tensors: Path, content: str) -> bool:
    """Whether the tensors of a data set with this content are there, as they were stored."""
    return read_header(folder_of(name, tensors, content)) is not None


def folder_of(name: str, tensors: Path, content: str) -> Path:
    """The folder of a data set's tensors."""
    return tensors / "-".join(filter(None, [name, DATASETS[name].version, content]))


def read_header(folder: Path) -> dict[str, Any] | None:
    """What is stored beside the tensors in a folder; None where they are absent, or are not what was stored."""
    try:
        stored = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        header: dict[str, Any] = stored["header"]
        changed = any(differs(folder / name, whole) for name, whole in header["arrays"].items())
        known = {"scale", "training_split"} <= header.keys()
        return header if stored["digest"] == digest(header) and known and not changed else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def differs(path: Path, whole: str) -> bool:
    """Whether a file of the cache has another checksum than when it was written."""
    return remembered_checksum(path, "sha256", path.parent.parent / CHECKSUMS) != whole


def map_array(path: Path) -> Tensor:
    """A tensor over a memory-mapped .npy file; pages are copied on write, so changing it changes no file."""
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def fill_cache(dataset: Dataset, content: str, folder: Path, shared: Path) -> None:
    """Copy a data set's tensors from the folder `shared` of a store, else decode the original files.

    One process does so while the others wait for its lock.  Raises DataError where the files do not have this content,
    before or after they were read.
    """
    try:
        with locked(folder.with_name(f".{folder.name}.lock")):
            if read_header(folder) is None and not copy_cache(shared / folder.name, folder):
                decode(dataset, content, folder)
    except OSError as error:
        remedy = "free some space, or set ABLATE_STORE to a folder that can be written"
        raise DataError(f"the tensors cannot be stored: {error.strerror}", remedy, str(folder)) from error


def copy_cache(source: Path, folder: Path) -> bool:
    """Replace a folder by a copy of another one with tensors; whether that had them, and the copy has them whole."""
    if read_header(source) is None:
        return False
    with replacement(folder) as part:
        shutil.copytree(source, part, dirs_exist_ok=True)
    return read_header(folder) is not None


def decode(dataset: Dataset, content: str, folder: Path) -> None:
    """Decode a data set's original files, which are downloaded first where they are missing, into a folder."""
    originals = data_folder()
    fetch(dataset, originals, folder.parent)
    check_content(dataset, content, originals)
    with decoding(originals):  # what a reader raises that does not expect such content
        data = dataset.read(originals)
    check_content(dataset, content, originals)
    write_cache(data, folder)


def check_content(dataset: Dataset, content: str, originals: Path) -> None:
    """Raise DataError where the original files do not have the content that the trials were planned with."""
    if dataset.content(originals) != content:
        names = ", ".join(file.path for file in (*dataset.files, *dataset.optional))
        problem = f"the files changed after the trials were planned ({names})"
        raise DataError(problem, "launch again: trials on the new files have keys of their own", str(originals))


def write_cache(data: Data, folder: Path) -> None:
    """Replace a folder by the tensors of a data set; the caller holds the folder's lock."""
    tensors = {array: tensor for array in ARRAYS if (tensor := getattr(data, array)) is not None}
    with replacement(folder) as part:
        sums = {f"{array}.npy": write_array(tensor.numpy(), part / f"{array}.npy") for array, tensor in tensors.items()}
        header = {"scale": data.scale, "training_split": data.training_split, "samples": len(data.x), "arrays": sums}
        stored = json.dumps({"header": header, "digest": digest(header)}, indent=1)
        (part / "data.json").write_text(stored, encoding="utf-8")


@contextmanager
def replacement(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of another one when the block ends, atomically, by renaming."""
    part = folder.with_name(f".{folder.name}.{socket.gethostname()}.part")  # nodes may share the folder
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        yield part
        shutil.rmtree(folder, ignore_errors=True)
        try:
            part.rename(folder)
        except OSError:
            if read_header(folder) is None:  # else another node was faster
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_array(array: np.ndarray, path: Path) -> str:
    """Write an array to a file, flush it to the disk, and return the checksum of the file."""
    with path.open("wb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())
    return checksum(path, "sha256")

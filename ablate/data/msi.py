"""Mass spectrometry images of the user's own, in imzML."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.errors import DataError

BINS = 1024
RANGE = (50.0, 1000.0)  # m/z
OPTIONAL = ("MSI/targets.npy", "MSI/tissue.npy")


class Msi(Dataset):
    """The spectra of one sample, in the order of `MSI/sample.imzML` (with `MSI/sample.ibd` beside it).

    Intensities are summed in 1024 equal bins of m/z 50 to 1000, and each bin is divided by its maximum over all spectra
    that stay.  Two files may stand beside the sample: `MSI/targets.npy` (N, 3), the colours in [0, 1] that a regression
    is to find, and `MSI/tissue.npy` (N,), true for the spectra that stay; N counts the spectra of the file.  There are
    no labels, and no spectrum is held out: a regression is fitted to all spectra and judged by them.
    """

    source = "imzML (Schramm et al. 2012); bins and scale of Ntelemis, Jin and Thomas 2022, whose sample is not public"
    description = (
        "the spectra of your own mass spectrometry image as 1024 bins (13320 in the paper), with colours to predict"
    )
    shape = (BINS,)
    classes = 0
    samples = 13320
    targets = ("red", "green", "blue")
    files = (File("MSI/sample.imzML"), File("MSI/sample.ibd"))

    def edition(self, folder: Path) -> str:
        """The version, and a digest that changes with the user's files."""
        paths = [folder / name for name in (*(file.path for file in self.files), *OPTIONAL)]
        facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.exists()]
        return f"{self.version}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}"

    def read(self, folder: Path) -> Data:
        spectra = read_spectra(folder / self.files[0].path)
        tissue = beside(folder / "MSI/tissue.npy", np.ones(len(spectra), dtype=np.bool_))
        colours = beside(folder / "MSI/targets.npy", np.zeros((len(spectra), 3), dtype=np.float32))
        x = torch.from_numpy(to_maximum(spectra[tissue]))
        return Data(
            x,
            y=torch.full((len(x),), -1),
            test=torch.zeros(len(x), dtype=torch.bool),
            scale=1.0,
            learns_from="all",
            targets=torch.from_numpy(colours[tissue]) if (folder / "MSI/targets.npy").exists() else None,
        )


def read_spectra(path: Path) -> NDArray[np.float32]:
    """Summed intensities (N, 1024) of the spectra of an imzML file; DataError where one is damaged or compressed."""
    with decoding(path), opened(path) as sample:
        spectra = np.empty((len(sample.coordinates), BINS), dtype=np.float32)
        for index, row in enumerate(spectra):
            masses, intensities = sample.getspectrum(index)
            if not len(masses) == len(intensities) == sample.mzLengths[index]:
                raise ValueError(f"spectrum {index} is cut off")
            if not plausible(masses, intensities):
                raise ValueError(f"spectrum {index} holds no masses and intensities; if it is compressed, expand it")
            row[:], _ = np.histogram(masses, BINS, RANGE, weights=intensities)
        return spectra


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """pyimzML's reader of a file; DataError where that is not installed, ValueError for what it cannot read."""
    try:
        parser = import_module("pyimzml.ImzMLParser").ImzMLParser
    except ModuleNotFoundError as error:
        raise DataError("no reader of imzML is installed", "run: pip install 'ablate[msi]'", str(path)) from error
    try:
        with path.open("rb") as text, path.with_suffix(".ibd").open("rb") as binary:
            yield parser(text, parse_lib="ElementTree", ibd_file=binary)
    except (AttributeError, LookupError, RuntimeError, SyntaxError, TypeError) as error:
        raise ValueError(f"it is no imzML of one sample: {error}") from error


def plausible(masses: NDArray[np.floating[Any]], intensities: NDArray[np.floating[Any]]) -> bool:
    """Whether masses rise and intensities are not negative, as bytes that are no numbers would not do."""
    return bool((np.diff(masses) >= 0).all() and np.isfinite(intensities).all() and (intensities >= 0).all())


def to_maximum(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each bin (column) divided by its maximum; one that is empty everywhere stays empty."""
    largest = spectra.max(axis=0, initial=0)
    scale: NDArray[np.float32] = np.where(largest > 0, largest, 1).astype(np.float32)
    return spectra / scale


def beside(path: Path, absent: NDArray[Any]) -> NDArray[Any]:
    """An array of the user's own that fits the spectra as the given one does, which stands in where there is none."""
    if not path.exists():
        return absent
    with decoding(path):
        values: NDArray[Any] = np.load(path, allow_pickle=False)
        if values.shape != absent.shape or values.dtype.kind != absent.dtype.kind:
            wanted = f"{absent.shape} of {absent.dtype.name}"
            raise ValueError(f"it holds {values.shape} of {values.dtype.name}, and the spectra ask for {wanted}")
        if not (np.asarray(values >= 0).all() and np.asarray(values <= 1).all()):
            raise ValueError("its values are not between 0 and 1")
        return values.astype(absent.dtype)

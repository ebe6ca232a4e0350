"""A mass spectrometry image that the user provides as an imzML file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.deferred import np, torch
from ablate.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 1024  # of each spectrum, equally wide
RANGE = (50.0, 1000.0)  # m/z
OPTIONAL = ("MSI/targets.npy", "MSI/tissue.npy")


class Msi(Dataset):
    """The spectra of one sample, in the order of `MSI/sample.imzML` (with `MSI/sample.ibd` beside it).

    Intensities are summed in 1024 equal bins of m/z 50 to 1000, and each bin is divided by its maximum over all spectra
    that are used.  Two files are optional, where N is the number of spectra in the sample: `MSI/targets.npy` (N, 3),
    colours in [0, 1] as the targets of a regression, and `MSI/tissue.npy` (N,), true for the spectra that are used.
    There are no labels, and no spectrum is held out: a regression is fitted to all spectra and evaluated on the same.
    """

    source = "imzML (Schramm et al. 2012); bins and scale of Ntelemis, Jin and Thomas 2022, whose sample is not public"
    description = (
        "spectra of your own mass spectrometry image (13320 in the paper) as 1024 bins, with colours to predict"
    )
    shape = (BINS,)
    classes = 0
    samples = 13320
    targets = ("red", "green", "blue")
    files = (File("MSI/sample.imzML"), File("MSI/sample.ibd"))

    def fingerprint(self, folder: Path) -> str:
        """The version, and a digest of the names, sizes and times of change of the user's files."""
        paths = [folder / name for name in (*(file.path for file in self.files), *OPTIONAL)]
        stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.exists()]
        return f"{self.version}-{hashlib.sha256(repr(stats).encode()).hexdigest()[:12]}"

    def read(self, folder: Path) -> Data:
        spectra = read_spectra(folder / self.files[0].path)
        tissue = read_optional(folder / "MSI/tissue.npy", np.ones(len(spectra), dtype=np.bool_))
        colours = read_optional(folder / "MSI/targets.npy", np.zeros((len(spectra), 3), dtype=np.float32))
        x = torch.from_numpy(divide_by_maximum(spectra[tissue]))
        return Data(
            x,
            y=torch.full((len(x),), -1),
            test=torch.zeros(len(x), dtype=torch.bool),
            scale=1.0,
            training_split="all",
            targets=torch.from_numpy(colours[tissue]) if (folder / "MSI/targets.npy").exists() else None,
        )


def read_spectra(path: Path) -> NDArray[np.float32]:
    """Binned intensities (N, 1024) of the spectra in an imzML file; DataError where it is damaged or compressed."""
    with decoding(path), open_imzml(path) as sample:
        spectra = np.empty((len(sample.coordinates), BINS), dtype=np.float32)
        for index, row in enumerate(spectra):
            masses, intensities = sample.getspectrum(index)
            if not len(masses) == len(intensities) == sample.mzLengths[index]:
                raise ValueError(f"spectrum {index} is truncated")
            if not is_spectrum(masses, intensities):
                raise ValueError(f"spectrum {index} holds no masses and intensities; if it is compressed, expand it")
            row[:], _ = np.histogram(masses, BINS, RANGE, weights=intensities)
        return spectra


@contextmanager
def open_imzml(path: Path) -> Iterator[Any]:
    """Open an imzML file with pyimzML.  Raises DataError where that is not installed, ValueError for another format."""
    try:
        parser = import_module("pyimzml.ImzMLParser").ImzMLParser
    except ModuleNotFoundError as error:
        raise DataError("no reader of imzML is installed", "run: pip install 'ablate[msi]'", str(path)) from error
    try:
        with path.open("rb") as text, path.with_suffix(".ibd").open("rb") as binary:
            yield parser(text, parse_lib="ElementTree", ibd_file=binary)
    except (AttributeError, LookupError, RuntimeError, SyntaxError, TypeError) as error:
        raise ValueError(f"it is not an imzML file of one sample: {error}") from error


def is_spectrum(masses: NDArray[np.floating[Any]], intensities: NDArray[np.floating[Any]]) -> bool:
    """Whether masses are sorted and intensities finite and not negative, which compressed bytes would not be."""
    return bool((np.diff(masses) >= 0).all() and np.isfinite(intensities).all() and (intensities >= 0).all())


def divide_by_maximum(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spectra (N, bins) with each bin divided by its maximum over the spectra; a bin of zeros is left as it is."""
    maximum = spectra.max(axis=0, initial=0)
    scale: NDArray[np.float32] = np.where(maximum > 0, maximum, 1).astype(np.float32)
    return spectra / scale


def read_optional(path: Path, default: NDArray[Any]) -> NDArray[Any]:
    """The array in a .npy file, or `default` where there is no such file.

    Raises DataError unless it has the shape and kind of type of `default`, and values from 0 to 1.
    """
    if not path.exists():
        return default
    with decoding(path):
        values: NDArray[Any] = np.load(path, allow_pickle=False)
        if values.shape != default.shape or values.dtype.kind != default.dtype.kind:
            required = f"{default.shape} of {default.dtype.name}"
            raise ValueError(f"it holds {values.shape} of {values.dtype.name}, and the spectra require {required}")
        if not (np.asarray(values >= 0).all() and np.asarray(values <= 1).all()):
            raise ValueError("its values are not between 0 and 1")
        return values.astype(default.dtype)

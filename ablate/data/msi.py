"""A mass spectrometry image that the user provides as an imzML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.data.dataset import Counts, Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.imzml import count_spectra, read_spectra
from ablate.deferred import np, torch
from ablate.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 1024  # of each spectrum, equally wide
RANGE = (50.0, 1000.0)  # m/z


class Msi(Dataset):
    """The spectra of one sample, in the order of `MSI/sample.imzML` (with `MSI/sample.ibd` beside it).

    Intensities are summed in 1024 equal bins of m/z 50 to 1000, and each bin is divided by its largest magnitude over
    all spectra that are used; intensities below 0, as subtracting a baseline leaves them, stay below 0.  The masses of
    a spectrum may have any order.  Two files are optional, where N is the number of spectra in the sample:
    `MSI/targets.npy` (N, 3), colours in [0, 1] as the targets of a regression, and `MSI/tissue.npy` (N,), true for the
    spectra that are used.  There are no labels, and no spectrum is held out: a regression is fitted to all spectra and
    evaluated on the same.
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
    optional = (File("MSI/targets.npy"), File("MSI/tissue.npy"))

    def counts(self, folder: Path) -> Counts:
        colours, tissue = (file.find(folder) for file in self.optional)
        spectra = count_spectra(self.files[0].find(folder))
        used = int(read_tissue(tissue, spectra).sum())
        return Counts(used, used, used, len(self.targets) if colours.exists() else 0)

    def read(self, folder: Path) -> Data:
        text, binary = (file.find(folder) for file in self.files)
        colours, tissue = (file.find(folder) for file in self.optional)
        spectra = bin_spectra(text, binary)
        used = read_tissue(tissue, len(spectra))
        x = torch.from_numpy(divide_by_largest(spectra[used]))
        if not x.any():
            raise DataError("every bin of every spectrum that is used is 0", "use spectra of the tissue", str(text))
        return Data(
            x,
            y=torch.full((len(x),), -1),
            test=torch.zeros(len(x), dtype=torch.bool),
            scale=1.0,
            training_split="all",
            targets=torch.from_numpy(read_colours(colours, len(spectra))[used]) if colours.exists() else None,
        )


def bin_spectra(text: Path, binary: Path) -> NDArray[np.float32]:
    """Binned intensities (N, 1024) of the spectra in an imzML file.

    Raises DataError where the file is damaged, or no mass of any spectrum is in one of the bins.
    """
    rows: list[NDArray[np.float32]] = []
    low, high = np.inf, -np.inf
    for masses, intensities in read_spectra(text, binary):
        row, _ = np.histogram(masses, BINS, RANGE, weights=intensities)
        rows.append(row.astype(np.float32))
        low, high = min(low, masses.min(initial=np.inf)), max(high, masses.max(initial=-np.inf))
    if high < RANGE[0] or low > RANGE[1]:
        problem = f"no mass is from {RANGE[0]:g} to {RANGE[1]:g} m/z; the masses are from {low:g} to {high:g}"
        raise DataError(problem, "use spectra of this range, in m/z", str(text))
    return np.stack(rows)


def divide_by_largest(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spectra (N, bins), each bin divided by its largest magnitude over the spectra; a bin of zeros stays as it is."""
    largest = np.abs(spectra).max(axis=0, initial=0)
    scale: NDArray[np.float32] = np.where(largest > 0, largest, 1).astype(np.float32)
    return spectra / scale


def read_tissue(path: Path, spectra: int) -> NDArray[np.bool_]:
    """Mask (N,) of the spectra that are used: all without such a file.  Raises DataError where it selects none."""
    if not path.exists():
        return np.ones(spectra, dtype=np.bool_)
    mask = read_array(path, (spectra,), "bool")
    if not mask.any():
        remedy = "set it to true for the spectra to use, or remove the file"
        raise DataError("it is false for every spectrum", remedy, str(path))
    return mask


def read_colours(path: Path, spectra: int) -> NDArray[np.float32]:
    """Colours (N, 3) from 0 to 1."""
    values = read_array(path, (spectra, 3), "float32")
    with decoding(path):
        if np.isnan(values).any():
            raise ValueError("it holds NaN")
        if values.min(initial=0) < 0 or values.max(initial=0) > 1:
            raise ValueError("its values are not between 0 and 1")
    return values.astype(np.float32)


def read_array(path: Path, shape: tuple[int, ...], kind: str) -> NDArray[Any]:
    """The array in a .npy file.  Raises DataError unless it has this shape and a type of this kind.

    The array is mapped into memory, since its header may state any number of rows.
    """
    with decoding(path):
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                raise ValueError("it is an archive (.npz) and not one array (.npy); write it with numpy.save")
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        if values.shape != shape or values.dtype.kind != np.dtype(kind).kind:
            raise ValueError(f"it holds {values.shape} of {values.dtype}, and the spectra require {shape} of {kind}")
        return np.array(values)

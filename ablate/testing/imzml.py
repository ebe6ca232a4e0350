"""Mass spectrometry images for tests, written by pyimzML."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ablate.deferred import np

Spectrum = tuple[Sequence[float], Sequence[float]]  # masses and intensities


def write_sample(folder: Path, spectra: Sequence[Spectrum]) -> Path:
    """Write `MSI/sample.imzML` below a folder, in which each spectrum has its own masses, and return its path."""
    imzml_writer = import_module("pyimzml.ImzMLWriter").ImzMLWriter
    (folder / "MSI").mkdir(parents=True, exist_ok=True)
    with imzml_writer(str(folder / "MSI/sample.imzML"), mode="processed") as writer:
        for index, (masses, intensities) in enumerate(spectra):
            writer.addSpectrum(np.array(masses), np.array(intensities), (index + 1, 1, 1))
    return folder / "MSI/sample.imzML"

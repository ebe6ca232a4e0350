"""Spectra of a mass spectrometry image in the imzML format, whose two files are checked against each other."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ablate.data.checksum import CHUNK, digest_of
from ablate.data.files import decoding
from ablate.deferred import np
from ablate.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Spectrum = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]  # masses and intensities, of one length

STATED_DIGESTS = {"IMS:1000090": "md5", "IMS:1000091": "sha1", "IMS:1000092": "sha256"}  # of the .ibd file
STATED_UUID = "IMS:1000080"
COMPRESSIONS = ("MS:1000574", "MS:1002312", "MS:1002313", "MS:1002314", "MS:1002746", "MS:1002747", "MS:1002748")
SPECTRUM = re.compile(rb"<(?:\w+:)?spectrum[\s>]")
OVERLAP = 64  # bytes of a chunk that are looked at again with the next one; longer than a match


def count_spectra(text: Path) -> int:
    """The number of spectra that an .imzML file lists, without decoding them.  Raises DataError where it lists none."""
    count, rest = 0, b""
    with decoding(text), text.open("rb") as file:
        while chunk := file.read(CHUNK):
            content = rest + chunk
            found = [match.end() for match in SPECTRUM.finditer(content)]
            count += len(found)
            rest = content[max([len(content) - OVERLAP, *found[-1:]]) :]
        if not count:
            raise ValueError("it is not an imzML file of one sample: it lists no spectrum")
    return count


def read_spectra(text: Path, binary: Path) -> Iterator[Spectrum]:
    """Masses and intensities of each spectrum in an .imzML file and its .ibd file.

    Raises DataError where one of them is damaged, compressed or belongs to another file, or a number is not finite.
    """
    with decoding(text), open_imzml(text, binary) as sample:
        if not sample.coordinates:
            raise ValueError("it lists no spectrum")
        check_uncompressed(sample)
        with decoding(binary):
            check_identity(sample.metadata.file_description, binary)
        size = binary.stat().st_size
        for index in range(len(sample.coordinates)):
            check_extent(sample, index, size)
            masses, intensities = sample.getspectrum(index)
            check_numbers(masses, intensities, index)
            yield masses, intensities


@contextmanager
def open_imzml(text: Path, binary: Path) -> Iterator[Any]:
    """Open an imzML file with pyimzML.  Raises DataError where that is not installed, ValueError for another format."""
    try:
        parser = import_module("pyimzml.ImzMLParser").ImzMLParser
    except ModuleNotFoundError as error:
        raise DataError("no reader of imzML is installed", "run: pip install 'ablate[msi]'", str(text)) from error
    with text.open("rb") as lines, binary.open("rb") as values:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of entries that are not used here
                sample = parser(lines, parse_lib="ElementTree", ibd_file=values)
        except (AttributeError, LookupError, RuntimeError, SyntaxError, TypeError) as error:
            raise ValueError(f"it is not an imzML file of one sample: {error}") from error
        yield sample


def check_uncompressed(sample: Any) -> None:
    """Raise ValueError where the arrays are compressed, by what the file states."""
    for group in sample.metadata.referenceable_param_groups.values():
        if any(accession in group.param_by_accession for accession in COMPRESSIONS):
            raise ValueError("its arrays are compressed; export it without compression")


def check_identity(stated: Any, binary: Path) -> None:
    """Raise ValueError where the .ibd file has another identifier or digest than the .imzML file states for it."""
    identifier = as_uuid(str(stated.param_by_accession.get(STATED_UUID, "")))
    with binary.open("rb") as file:
        found = file.read(16)
    if identifier is not None and found != identifier.bytes:
        raise ValueError(f"it belongs to another .imzML file, which states the identifier {identifier.hex}")
    for accession, kind in STATED_DIGESTS.items():
        expected = str(stated.param_by_accession.get(accession) or "").strip().lower()
        if re.fullmatch(r"[0-9a-f]+", expected) and len(expected) == 2 * hashlib.new(kind).digest_size:
            check_digest(binary, kind, expected)


def check_digest(binary: Path, kind: str, expected: str) -> None:
    with binary.open("rb") as file:
        found = digest_of(file, kind)
    if found != expected:
        raise ValueError(f"it is damaged: its {kind} is {found}, and the .imzML file states {expected}")


def as_uuid(text: str) -> UUID | None:
    """The UUID that a text writes, in one of the usual forms; None for any other text."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def check_extent(sample: Any, index: int, size: int) -> None:
    """Raise ValueError where a spectrum has arrays of two lengths, or one beyond the `size` bytes of the .ibd file."""
    lengths = sample.mzLengths[index], sample.intensityLengths[index]
    if lengths[0] != lengths[1]:
        raise ValueError(f"spectrum {index} has {lengths[0]} masses and {lengths[1]} intensities")
    widths = (sample.sizeDict[precision] for precision in (sample.mzPrecision, sample.intensityPrecision))
    starts = sample.mzOffsets[index], sample.intensityOffsets[index]
    for start, length, width in zip(starts, lengths, widths, strict=True):
        if start < 0 or length < 0 or start + length * width > size:
            problem = f"spectrum {index} has {length} values from byte {start}, and the .ibd file has {size} bytes"
            raise ValueError(problem)


def check_numbers(masses: NDArray[Any], intensities: NDArray[Any], index: int) -> None:
    """Raise ValueError where a mass or an intensity is NaN or infinite."""
    for name, values in (("mass", masses), ("intensity", intensities)):
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            problem = f"spectrum {index} has the {name} {values[wrong[0]]} at position {wrong[0]}"
            raise ValueError(f"{problem}; remove such values when the file is exported")

"""Original files of data sets: found below the data folder or downloaded, and verified before they are read."""

import hashlib
import pickle
import sys
import tarfile
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.request import Request, urlopen

from ablate.data.checksum import checksum
from ablate.data.dataset import Dataset, File
from ablate.errors import DataError
from ablate.lock import locked

CHUNK = 2**18  # bytes
DECODER_ERRORS = (  # raised on damaged files; KeyError where an archive lacks a member
    *(OSError, EOFError, ValueError, KeyError, zlib.error),
    *(tarfile.TarError, zipfile.BadZipFile, wave.Error, pickle.UnpicklingError),
)


def fetch(dataset: Dataset | type[Dataset], folder: Path, tensors: Path) -> None:
    """Download the files of a data set that are missing below `folder`, and verify all of them.

    Verified files are recorded below `tensors`, since the data folder may be read-only.  Raises DataError where a file
    is altered, or is missing and cannot be downloaded.
    """
    for file in dataset.files:
        path = folder / file.path
        try:
            if not path.exists():
                download(file, path)
            verify(file, path, tensors)
        except OSError as error:
            raise DataError(f"the file cannot be read: {error.strerror}", "make it readable", str(path)) from error


def verify(file: File, path: Path, tensors: Path) -> None:
    """Compare a file with its published checksums, unless it was verified since its last change."""
    stat = path.stat()
    identity = f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns} {file.checksums}"
    mark = tensors / ".verified" / hashlib.sha256(identity.encode()).hexdigest()
    if mark.exists():
        return
    if difference := checksum_difference(file, path):
        again = (
            f", and it is fetched again from {file.addresses[0]}" if file.addresses else " and put a whole one there"
        )
        raise DataError(f"the file is truncated or altered: {difference}", f"delete it{again}", str(path))
    with suppress(OSError):  # without the mark, the file is verified once more
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def checksum_difference(file: File, path: Path) -> str:
    """'found …, expected …' where no published checksum matches; empty where one does, or none was published."""
    found = [checksum(path, expected.partition(":")[0]) for expected in file.checksums]
    if not found or any(one == expected for one, expected in zip(found, file.checksums, strict=True)):
        return ""
    return f"found {found[0]}, expected {' or '.join(file.checksums)}"


def download(file: File, path: Path) -> None:
    """Download a file from the first address that has it whole; one process does so while the others wait."""
    try:
        with locked(path.with_name(f".{path.name}.lock")):
            failures = try_addresses(file, path)
    except OSError as error:
        failures = [f"{path.parent}: {error.strerror}"]
    if not path.exists():
        problem = f"the file is missing and cannot be fetched ({'; '.join(failures) or 'no address is known'})"
        raise DataError(problem, "put it there, or set ABLATE_DATA to the folder that holds it", str(path))


def try_addresses(file: File, path: Path) -> list[str]:
    """Try the addresses in order until the file is there; return what went wrong with each."""
    part = path.with_name(f".{path.name}.part")
    failures = []
    for address in file.addresses:
        if path.exists():  # from the last address, or from another process
            break
        try:
            save_response(address, part)
            if difference := checksum_difference(file, part):
                failures.append(f"{address}: truncated or altered, {difference}")
            else:
                part.replace(path)
        except (OSError, HTTPException) as error:
            failures.append(f"{address}: {getattr(error, 'reason', error)}")
        finally:
            part.unlink(missing_ok=True)
    return failures


def save_response(address: str, path: Path) -> None:
    """Write the response of an HTTP server to a file, with a progress bar."""
    request = Request(address, headers={"User-Agent": "ablate"})
    with urlopen(request, timeout=60) as response, path.open("wb") as file:
        size = int(response.headers.get("Content-Length", 0)) or None
        with progress_bar(address.rpartition("/")[2], size) as advance:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                advance(len(chunk))


@contextmanager
def progress_bar(name: str, size: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar of `size` bytes if standard error is a terminal; yields the function that advances it."""
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=size)
        yield lambda count: bar.advance(task, count)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn the errors that a decoder raises on a damaged file into a DataError that names the file."""
    try:
        yield
    except DECODER_ERRORS as error:
        problem = error.args[0] if isinstance(error, KeyError) else error  # str() of a KeyError adds quotes
        raise DataError(f"the file cannot be decoded: {problem}", "replace it by a whole one", str(path)) from error


def open_member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """Open one file of a tar archive.  Raises KeyError where it has none of that name, ValueError for a folder."""
    content = archive.extractfile(name)
    if content is None:
        raise ValueError(f"'{name}' is not a file")
    return content

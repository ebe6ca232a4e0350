"""Original files: found below the data folder or fetched once, and never read unverified."""

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
DAMAGE = (  # what decoders raise; KeyError where an archive lacks a member
    *(OSError, EOFError, ValueError, KeyError, zlib.error),
    *(tarfile.TarError, zipfile.BadZipFile, wave.Error, pickle.UnpicklingError),
)


def fetch(dataset: Dataset | type[Dataset], folder: Path, tensors: Path) -> None:
    """See to it that all files of a data set lie below a folder, whole and genuine.

    What has been verified is remembered among the tensors, since the data folder may be read-only.  Raises DataError
    where a file is altered, or is missing and cannot be fetched.
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
    """Compare a file with its published checksums, once for every size and time of change."""
    facts = path.stat()
    identity = f"{path.absolute()} {facts.st_size} {facts.st_mtime_ns} {file.checksums}"
    mark = tensors / ".verified" / hashlib.sha256(identity.encode()).hexdigest()
    if mark.exists():
        return
    if alteration := altered(file, path):
        again = (
            f", and it is fetched again from {file.addresses[0]}" if file.addresses else " and put a whole one there"
        )
        raise DataError(f"the file is truncated or altered: {alteration}", f"delete it{again}", str(path))
    with suppress(OSError):  # forgetting costs a second verification, nothing else
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def altered(file: File, path: Path) -> str:
    """How a file differs from every published checksum; nothing where it agrees with one of them."""
    found = [checksum(path, expected.partition(":")[0]) for expected in file.checksums]
    if not found or any(one == expected for one, expected in zip(found, file.checksums, strict=True)):
        return ""
    return f"found {found[0]}, expected {' or '.join(file.checksums)}"


def download(file: File, path: Path) -> None:
    """Fetch a file from the first address that has it whole; of several processes one does, the others wait."""
    try:
        with locked(path.with_name(f".{path.name}.lock")):
            failures = attempt(file, path)
    except OSError as error:
        failures = [f"{path.parent}: {error.strerror}"]
    if not path.exists():
        problem = f"the file is missing and cannot be fetched ({'; '.join(failures) or 'no address is known'})"
        raise DataError(problem, "put it there, or set ABLATE_DATA to the folder that holds it", str(path))


def attempt(file: File, path: Path) -> list[str]:
    """Try the addresses in order until the file is there; what went wrong with each."""
    part = path.with_name(f".{path.name}.part")
    failures = []
    for address in file.addresses:
        if path.exists():  # fetched by the last address or by another process
            break
        try:
            receive(address, part)
            if alteration := altered(file, part):
                failures.append(f"{address}: truncated or altered, {alteration}")
            else:
                part.replace(path)
        except (OSError, HTTPException) as error:
            failures.append(f"{address}: {getattr(error, 'reason', error)}")
        finally:
            part.unlink(missing_ok=True)
    return failures


def receive(address: str, path: Path) -> None:
    """Write what an address answers to a file."""
    request = Request(address, headers={"User-Agent": "ablate"})
    with urlopen(request, timeout=60) as answer, path.open("wb") as file:
        size = int(answer.headers.get("Content-Length", 0)) or None
        with progress(address.rpartition("/")[2], size) as advance:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                advance(len(chunk))


@contextmanager
def progress(name: str, size: int | None) -> Iterator[Callable[[int], None]]:
    """Draw a bar for so many bytes where standard error is a terminal."""
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=size)
        yield lambda received: bar.advance(task, received)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn what a decoder says of a damaged file into a DataError that names it."""
    try:
        yield
    except DAMAGE as error:
        problem = error.args[0] if isinstance(error, KeyError) else error  # whose own text stands in quotes
        raise DataError(f"the file cannot be decoded: {problem}", "replace it by a whole one", str(path)) from error


def member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """One file of an archive, to read from; KeyError where it has none of that name, ValueError where it is no file."""
    content = archive.extractfile(name)
    if content is None:
        raise ValueError(f"'{name}' is no file")
    return content

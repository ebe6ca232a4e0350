"""Original files of data sets: found below the data folder or downloaded, and verified before they are read."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

from ablate.data.checksum import has_members, is_damaged
from ablate.data.dataset import Dataset, File
from ablate.data.remembered import remembered_checksum
from ablate.errors import AblateError, DataError
from ablate.lock import locked

CHUNK = 2**18  # bytes
CHECKSUMS = ".checksums"  # below the folder of tensors: remembered checksums; the data folder may be read-only


def fetch(dataset: Dataset | type[Dataset], folder: Path, tensors: Path) -> None:
    """Download the files of a data set that are missing below `folder`, and verify all of them.

    Raises DataError where a file is damaged or altered, or is missing and cannot be downloaded.
    """
    for file in dataset.files:
        if not exists(file, folder):
            download(file, folder / file.path)
    verify(dataset, folder, tensors)


def verify(dataset: Dataset | type[Dataset], folder: Path, tensors: Path) -> None:
    """Compare the files that are there with their published checksums, which are remembered below `tensors`.

    Raises DataError where none matches.
    """
    for file in dataset.files:
        if exists(file, folder):
            path = file.find(folder)
            with reading(path):
                if difference := checksum_difference(file, path, tensors / CHECKSUMS):
                    raise unpublished(file, path, difference)


def exists(file: File, folder: Path) -> bool:
    """Whether a file is there.  Raises DataError where that cannot be looked up."""
    with reading(folder / file.path):
        return file.find(folder).exists()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of a file that cannot be read into a DataError that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", "make it readable", str(path)) from error


def unpublished(file: File, path: Path, difference: str) -> DataError:
    """The error for a file whose content is not the published one; a whole one is not to be deleted."""
    where = f"it is fetched again from {file.addresses[0]}" if file.addresses else "put a whole one there"
    if is_damaged(path):
        return DataError(f"the file is damaged: {difference}", f"delete it, and {where}", str(path))
    what = "the folder is altered" if path.is_dir() else "the file is altered or packed otherwise"
    problem = f"{what}, and is not known to hold the published content: {difference}"
    return DataError(problem, f"move it to another folder, and {where}", str(path))


def checksum_difference(file: File, path: Path, memory: Path | None = None) -> str:
    """'found …, expected …' where no published checksum matches; empty where one does, or none was published.

    A folder that was unpacked from an archive is compared where the checksums of its files are known.
    """
    if path.is_dir():
        names = [name for name, md5 in file.md5sums.items() if is_other(path / name, md5, memory)]
        return f"{', '.join(names)} in this folder is not as published" if names else ""
    found = []
    for expected in file.checksums:
        found.append(remembered_checksum(path, expected.partition(":")[0], memory))
        if found[-1] == expected:
            return ""
    if not found or (file.md5sums and has_members(path, dict(file.md5sums))):
        return ""
    return f"found {found[0]}, expected {' or '.join(file.checksums)}"


def is_other(path: Path, md5: str, memory: Path | None) -> bool:
    """Whether a file has another md5 than this one."""
    return remembered_checksum(path, "md5", memory) != f"md5:{md5}"


def download(file: File, path: Path) -> None:
    """Download a file from the first address that has it whole; one process does so while the others wait."""
    failures: list[str] = []
    lock = path.with_name(f".{path.name}.lock")
    try:
        if file.addresses:
            with locked(lock):
                failures = try_addresses(file, path)
                lock.unlink(missing_ok=True)  # the folder is the user's own
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
        except (OSError, HTTPException, ValueError) as error:  # ValueError: a header or redirect that is not valid
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
    """Turn whatever a decoder raises on a damaged file into a DataError that names the file."""
    try:
        yield
    except AblateError:
        raise
    except MemoryError as error:
        remedy = "use a machine with more memory, or replace the file by a whole one"
        raise DataError("the file needs more memory than there is", remedy, str(path)) from error
    except Exception as error:  # decoders of damaged bytes raise anything, such as struct.error or a bare Exception
        problem = error.args[0] if isinstance(error, KeyError) and error.args else error  # str() adds quotes
        problem = str(problem) or type(error).__name__
        raise DataError(f"the file cannot be decoded: {problem}", "replace it by a whole one", str(path)) from error

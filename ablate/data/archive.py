"""The files of a tar archive, or of the folder that it was unpacked to."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

from ablate.data.checksum import is_wanted

Opened: TypeAlias = tarfile.TarFile | Path


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """An archive that is closed after the block, or the folder that it was unpacked to."""
    if path.is_dir():
        yield path
        return
    with tarfile.open(path) as archive:
        yield archive


def open_member(place: Opened, name: str) -> IO[bytes]:
    """Open the file of this name: of an archive in whatever folder.  Raises KeyError where there is none."""
    if isinstance(place, Path):
        return file_of(place, name).open("rb")
    content = place.extractfile(find_member(place, name))
    assert content is not None, "it is a file"
    return content


def read_member(place: Opened, name: str) -> bytes:
    """The content of the file of this name.  Raises KeyError where there is none."""
    with open_member(place, name) as content:
        return content.read()


def member_size(place: Opened, name: str) -> int:
    """The bytes of the file of this name.  Raises KeyError where there is none."""
    return file_of(place, name).stat().st_size if isinstance(place, Path) else find_member(place, name).size


def file_of(folder: Path, name: str) -> Path:
    """The file of this name in a folder.  Raises KeyError where there is none."""
    if not (folder / name).is_file():
        raise KeyError(f"there is no '{name}' in the folder")
    return folder / name


def find_member(archive: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    """The file of a tar archive that has this name, in whatever folder.  Raises KeyError where there is none."""
    for one in archive:
        if PurePosixPath(one.name).name == name and one.isfile() and is_wanted(one.name):
            return one
    raise KeyError(f"there is no '{name}' in the archive")

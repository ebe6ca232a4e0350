"""Folders that hold what an archive held, and the checksum of their content."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ablate.data.checksum import digest_of, open_unpacked
from ablate.data.remembered import noted_checksum

KIND = "files-sha256"


def is_unpacked(folder: Path, patterns: Sequence[str]) -> bool:
    """Whether a folder holds a file for every pattern; false without patterns."""
    return bool(patterns) and folder.is_dir() and all(any(folder.glob(pattern)) for pattern in patterns)


def folder_checksum(folder: Path, patterns: Sequence[str], memory: Path | None) -> str:
    """The checksum of the files of a folder that match a pattern, by their names and contents, unpacked if gzipped.

    It is remembered in the folder `memory` until the name, size or time of change of one of the files is another.
    """
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    if memory is None:
        return checksum_of(files)
    stats = [(path.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for path in files for stat in [path.stat()]]
    identity = hashlib.sha256(repr((KIND, str(folder.absolute()), stats)).encode()).hexdigest()
    return noted_checksum(memory / identity, KIND, lambda: checksum_of(files))


def checksum_of(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with open_unpacked(path) as content:
            digest.update(f"{path.name.removesuffix('.gz')} {digest_of(content, 'sha256')}\n".encode())
    return f"{KIND}:{digest.hexdigest()}"

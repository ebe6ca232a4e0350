"""Checksums of large files, computed once and remembered until the file changes."""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from ablate.atomic_write import write_text
from ablate.data.checksum import checksum

SMALL = 2**20  # bytes; a smaller file is read in the time of looking its checksum up
FOUND: dict[tuple[object, ...], str] = {}  # what this process has looked up or computed, by the file's identity
SETTLED = 2 * 10**9  # nanoseconds; a file that changed later could change once more without a new time stamp


def remembered_checksum(path: Path, kind: str, memory: Path | None) -> str:
    """The checksum of a file, as `checksum` gives it, remembered in the folder `memory` if one is given.

    A file counts as unchanged while its path, size, inode and both times of change are: the time of change of the inode
    is new after every write, also where a program sets the time of modification back.
    """
    if memory is None:
        return checksum(path, kind)
    stat = path.stat()
    identity = (str(path.absolute()), stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, kind)
    note = memory / hashlib.sha256(repr(identity).encode()).hexdigest()
    if abs(time.time_ns() - stat.st_ctime_ns) <= SETTLED:
        return checksum(path, kind)
    if identity not in FOUND:
        worthwhile = stat.st_size >= SMALL and kind != "bytes"
        compute = partial(checksum, path, kind)
        FOUND[identity] = noted_checksum(note, kind, compute) if worthwhile else compute()
    return FOUND[identity]


def noted_checksum(note: Path, kind: str, compute: Callable[[], str]) -> str:
    """The checksum that a note holds; computed, and written there, where there is no such note."""
    with suppress(OSError, UnicodeDecodeError):
        noted = note.read_text(encoding="utf-8")
        if noted.startswith(f"{kind}:"):
            return noted
    found = compute()
    with suppress(OSError):  # without the note, the checksum is computed once more
        note.parent.mkdir(parents=True, exist_ok=True)
        write_text(note, found)
    return found

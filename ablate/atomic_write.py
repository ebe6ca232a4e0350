"""Writes files in one step, by renaming: readers see the old file or the new one, never a part.

`write_output` is for a file that a user names: links, pipes and devices stay what they are.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_bytes(file: Path, content: bytes) -> None:
    """Replace the file, or make it in a folder that exists."""
    with replacing(file, file.with_name(f".{file.name}.{os.getpid()}")) as unfinished:
        unfinished.write_bytes(content)


@contextmanager
def replacing(file: Path, unfinished: Path) -> Iterator[Path]:
    """The path at which to write what then replaces the file; nothing stays of what could not be written whole.

    An OSError of writing, as on a full disk, names the file; one of another file, which was to be copied, names that.
    """
    try:
        yield unfinished
        unfinished.replace(file)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if error.filename not in (None, str(unfinished)):
            raise
        raise OSError(error.errno, error.strerror, str(file)) from None


def write_text(file: Path, text: str) -> None:
    """Replace the file by a text in UTF-8."""
    write_bytes(file, text.encode())


def write_output(file: Path, text: str) -> None:
    """Write a text to a file that a user names: to the target of a symbolic link, and into a pipe or a device."""
    if not file.exists() or file.is_file():
        write_text(Path(os.path.realpath(file)), text)
        return
    try:
        with file.open("w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from None  # writing does not name the file


def copy_file(source: Path, file: Path) -> None:
    """Replace the file by a copy, made in its folder, which is made too; one process at a time writes the same file.

    What a killed process has copied in part is replaced by the next one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file, file.with_name(f".{file.name}.part")) as unfinished:
        shutil.copyfile(source, unfinished)

"""Writes files in one step, by renaming: readers see the old file or the new one, never a part.

`write_output` is for a file that a user names: links, pipes and devices stay what they are.
"""

import os
import shutil
from pathlib import Path


def write_bytes(file: Path, content: bytes) -> None:
    """Replace the file, or make it in a folder that exists."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(file)


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
    unfinished = file.with_name(f".{file.name}.part")
    shutil.copyfile(source, unfinished)
    unfinished.replace(file)

"""Writes small files in one step, by renaming: readers see the old file or the new one, never a part."""

import os
from pathlib import Path


def write_bytes(file: Path, content: bytes) -> None:
    """Replace the file, or make it in a folder that exists."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(file)


def write_text(file: Path, text: str) -> None:
    """Replace the file by a text in UTF-8."""
    write_bytes(file, text.encode())

"""Renames files that cannot be used, so that the work which made them is done again."""

from contextlib import suppress
from pathlib import Path


def set_aside(file: Path) -> str:
    """Append `.damaged` to the name of a file, replacing an earlier one; returns a clause about it for a message."""
    aside = file.with_name(f"{file.name}.damaged")
    with suppress(FileNotFoundError):  # another process has set it aside
        file.replace(aside)
    return f"{file.name} is set aside as {aside.name}"

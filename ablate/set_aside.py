"""Sets files aside that cannot be used, so that the work which made them is done again."""

from contextlib import suppress
from pathlib import Path


def set_aside(file: Path) -> str:
    """Rename a file to its name and `.damaged`, in place of one that was set aside before; a sentence that says so."""
    aside = file.with_name(f"{file.name}.damaged")
    with suppress(FileNotFoundError):  # another process has set it aside
        file.replace(aside)
    return f"{file.name} is set aside as {aside.name}"

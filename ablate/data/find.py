"""Files below a folder by their paths, whose names may be written in another case."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ablate.errors import DataError


def find(folder: Path, paths: Sequence[str]) -> Path:
    """The first of the paths below a folder that exists, then the first that does in another case; else the first.

    Raises DataError where two names differ only in their case.
    """
    exact = (folder / path for path in paths)
    in_any_case = (found for path in paths if (found := find_in_any_case(folder, PurePosixPath(path))))
    return next((path for path in exact if path.exists()), None) or next(in_any_case, folder / paths[0])


def find_in_any_case(folder: Path, path: PurePosixPath) -> Path | None:
    """The path below a folder with names in any case; None where there is none."""
    found = folder
    for name in path.parts:
        if not found.is_dir():
            return None
        alike = sorted(other for other in found.iterdir() if other.name.casefold() == name.casefold())
        exact = [other for other in alike if other.name == name]
        if len(alike) > 1 and not exact:
            names = " and ".join(other.name for other in alike)
            raise DataError(f"{names} differ only in their case", f"name one of them {name}", str(found))
        if not alike:
            return None
        found = (exact or alike)[0]
    return found

"""Tables of names that help whoever mistypes one."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from ablate.errors import StudyError

T = TypeVar("T")


def suggest(name: str, known: Iterable[str]) -> str:
    """Name what was probably meant, or all there is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(known)}"


def counted(name: str) -> tuple[str, int]:
    """The parts of a name that ends in a count: `knn-500` → knn, 500; the name itself and 0 where it does not."""
    kind, _, count = name.rpartition("-")
    return (kind, int(count)) if kind and count.isdecimal() else (name, 0)


class Registry(dict[str, T]):
    """A dict whose missing key names the alternatives."""

    def __init__(self, kind: str, entries: Mapping[str, T]) -> None:
        super().__init__(entries)
        self.kind = kind

    def __missing__(self, name: str) -> T:
        raise StudyError(f"no {self.kind} is called '{name}'", suggest(name, self))

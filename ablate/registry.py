"""Tables of named rows: methods, data sets, probes, augmentations and papers, ablate's own and installed packages'."""

import difflib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

from ablate.errors import StudyError
from ablate.plugins import Added, RefusedRow, read_plugins
from ablate.row_checks import Check

T = TypeVar("T")
Derive = Callable[[Mapping[str, T], str], T | None]


def suggest(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the known name that is spelled most like it, else all known names."""
    known = sorted(known)
    near = closest(name, known)
    return f"did you mean '{near}'?" if near else f"choose from {', '.join(known)}"


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that is spelled most like this one; empty where none is similar."""
    known = list(known)
    same = (other for other in known if plain(other) == plain(name))
    return next(same, "") or next(iter(difflib.get_close_matches(name, known, n=1)), "")


def plain(name: str) -> str:
    """The name without capitals, dashes and underscores: `CIFAR-10` → cifar10."""
    return name.lower().replace("-", "").replace("_", "")


def split_count(name: str) -> tuple[str, int]:
    """The parts of a name that ends in a count: `knn-500` → knn, 500; without a count, the name itself and 0."""
    stem, _, count = name.rpartition("-")
    return (stem, int(count)) if stem and count.isdecimal() else (name, 0)


class Registry(MutableMapping[str, T]):
    """Rows by name: built-in ones, and those that installed packages add through an entry point group.

    Entry points are read when a name that is not built in is looked up, or the table is iterated.  Rows from outside
    that fail `check`, or whose name is taken, are left out and listed in `refused`.  Looking up an unknown name raises
    StudyError, with the reason where a row of that name was refused.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, T],
        check: Check,
        derive: Derive[T] = lambda rows, name: None,
    ) -> None:
        """`derive` makes rows for names that are not in the table, such as `knn-500`, or returns None."""
        self.kind = kind  # as in messages: "data set"
        self._group = group
        self._rows = dict(builtin)
        self.check = check
        self._derive = derive
        self._added = Added(complete=False)
        self._reading = False
        self._lock = threading.RLock()

    @property
    def refused(self) -> tuple[RefusedRow, ...]:
        """The rows of installed packages that cannot be used, with reasons."""
        self._read_plugins()
        return tuple(self._added.refused)

    @property
    def packages(self) -> Mapping[str, str]:
        """Name → package, of the rows that installed packages add."""
        self._read_plugins()
        return self._added.packages

    def __getitem__(self, name: str) -> T:
        if name in self._rows:
            return self._rows[name]
        rows = self._all_rows()
        found = rows[name] if name in rows else self._derive(rows, name)
        if found is None:
            raise self._unknown(name)
        return found

    def __setitem__(self, name: str, row: T) -> None:
        self._rows[name] = row

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all_rows())

    def __len__(self) -> int:
        return len(self._all_rows())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except StudyError:
            return default

    def _all_rows(self) -> dict[str, T]:
        self._read_plugins()
        return {**self._rows, **{name: row for name, row in self._added.rows.items() if name not in self._rows}}

    def _read_plugins(self) -> None:
        """Read the entry points once.  A package that uses the table while it is imported sees the built-in rows."""
        if self._added.complete:
            return
        with self._lock:  # other threads wait; the same one returns below
            if self._reading or self._added.complete:
                return
            self._reading = True
            try:
                self._added = read_plugins(self.kind, self._group, self._is_taken, self.check)
            finally:
                self._reading = False

    def _is_taken(self, name: str) -> bool:
        return name in self._rows or self._derive(self._rows, name) is not None

    def _unknown(self, name: str) -> StudyError:
        refused = {row.name: row for row in self.refused}
        if name in refused:
            return StudyError(str(refused[name]), refused[name].remedy)
        problem = f"no {self.kind} is called '{name}'"
        near = closest(name, [*self, *refused])
        if near in refused and near not in self:
            return StudyError(problem, f"did you mean '{near}'? {refused[near]}; {refused[near].remedy}")
        return StudyError(problem, suggest(name, self))

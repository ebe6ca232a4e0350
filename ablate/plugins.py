"""Table rows that installed packages add through entry points, each validated; unusable ones are refused by name."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ablate.row_checks import Check, RowError

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class RefusedRow:
    """A row of an installed package that cannot be used."""

    kind: str  # "method", "data set", ...
    name: str
    package: str  # name and version of the distribution
    target: str  # module:object
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"the {self.kind} '{self.name}' of the package {self.package} is refused: {self.reason}"


@dataclass
class Added:
    """What the installed packages add to one table."""

    rows: dict[str, Any] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)  # name of a row → its package
    refused: list[RefusedRow] = field(default_factory=list)
    complete: bool = True  # false while a package whose own import uses the table is still being imported


def read_plugins(kind: str, group: str, is_taken: Callable[[str], bool], check: Check) -> Added:
    """The rows of an entry point group that have a free and well-formed name, can be imported and pass the check."""
    entries = sorted(entry_points(group=group), key=lambda entry: (entry.name, package_of(entry)))
    claims = Counter(entry.name for entry in entries)
    added = Added()
    for entry in entries:
        package = package_of(entry)
        try:
            check_name(entry, is_taken, claims)
            row = load_row(entry)
            if row is None:
                added.complete = False
                continue
            check_row(row, check)
        except RowError as error:
            remedy = f"{error.remedy}, or uninstall {package.partition(' ')[0]}"
            added.refused.append(RefusedRow(kind, entry.name, package, entry.value, error.reason, remedy))
        else:
            added.rows[entry.name] = row
            added.packages[entry.name] = package
    return added


def check_name(entry: EntryPoint, is_taken: Callable[[str], bool], claims: Mapping[str, int]) -> None:
    """RowError where the name is malformed, is one of ablate's own, or is added by several packages.

    A name that several packages add is refused for all of them: with any choice between them, installing a package
    would change what a study trains, and trial keys hold only the name.
    """
    if NAME.fullmatch(entry.name) is None:
        raise RowError("names consist of a-z, 0-9 and -", "rename the entry point")
    if is_taken(entry.name):
        raise RowError("the name is taken by ablate's own", "rename the entry point")
    if claims[entry.name] > 1:
        others = sorted({package_of(other) for other in entry_points(group=entry.group, name=entry.name)})
        raise RowError(f"the name is taken by another package: {' and '.join(others)} add it", "rename one of them")


def load_row(entry: EntryPoint) -> Any:
    """The object that an entry point names; None while its module is still being imported.  RowError on failure."""
    try:
        row = entry.load()
    except (Exception, SystemExit) as error:  # another package's module may raise anything at its import
        if is_importing(entry.value.partition(":")[0].strip()):
            return None
        problem = f"{entry.value} cannot be imported: {type(error).__name__}: {error}"
        raise RowError(problem, "repair the module or the entry point") from None
    if row is None:
        raise RowError(f"{entry.value} is None", "name a class or an object")
    return row


def check_row(row: object, check: Check) -> None:
    """RowError where the check refuses the row, or where another package's code raises something else in it."""
    try:
        check(row)
    except RowError:
        raise
    except Exception as error:  # the check may run code of another package, such as a property
        raise RowError(f"it cannot be checked: {type(error).__name__}: {error}", "repair the object") from None


def is_importing(module: str) -> bool:
    """Whether a module, or a package that holds it, is being imported right now: its top level uses the table."""
    parts = module.split(".")
    parents = (sys.modules.get(".".join(parts[:end])) for end in range(1, len(parts) + 1))
    specs = (getattr(parent, "__spec__", None) for parent in parents)
    return any(getattr(spec, "_initializing", False) for spec in specs)


def package_of(entry: EntryPoint) -> str:
    """Name and version of the distribution that has the entry point."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "(unknown)"

"""How much of a finding was tested: of its levels, its statements and its data sets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ablate.options import Value, is_number
from ablate.stats.statements import Statement


@dataclass(frozen=True)
class Share:
    """How many of something were tested: `2 of 5 levels`."""

    tested: int
    of: int
    what: str

    def __str__(self) -> str:
        return f"{self.tested} of {self.of} {self.what}"


@dataclass(frozen=True)
class Tested:
    """What a study's scores say of a part of a finding, on one data set and for one metric."""

    label: str  # "linear_accuracy, FSDD"
    dataset: str = ""
    statements: tuple[Statement, ...] = ()
    levels: frozenset[str] = frozenset()  # the paper's, that the part states something of
    measured: frozenset[str] = frozenset()  # those of them that have scores
    reason: str = ""  # why there are no statements
    count: int = 1  # of its statements where all levels are measured

    @property
    def reasons(self) -> Iterator[str]:
        """Why the part, or some of its levels, could not be tested."""
        if self.reason:
            yield self.reason
        elif missing := sorted(self.levels - self.measured, key=in_order):
            yield f"the paper's {', '.join(missing)} {'was' if len(missing) == 1 else 'were'} not measured"


def shares(every: Sequence[Tested]) -> Iterator[Share]:
    """The levels, statements and data sets of a finding, where not all were tested.

    Levels and statements are those on the data sets that were tested.  A level is measured where each of these, if the
    finding states something of the level there, has scores for it.
    """
    datasets = {one.dataset for one in every if one.dataset}
    seen = {one.dataset for one in every if one.statements}
    on_seen = [one for one in every if one.dataset in seen or not one.dataset]
    levels = {(one.dataset, level) for one in on_seen for level in one.levels}
    measured = {(one.dataset, level) for one in on_seen for level in one.measured}
    every_level, missing = {level for _, level in levels}, {level for _, level in levels - measured}
    tested = sum(len(one.statements) for one in on_seen)
    left = sum(one.count for one in on_seen if not one.statements)
    found = (
        Share(len(every_level - missing), len(every_level), "levels"),
        Share(tested, tested + left, "statements"),
        Share(len(seen), len(datasets), "data sets"),
    )
    yield from (share for share in found if share.tested < share.of)


def level_name(level: Value) -> str:
    """A level as text, equal for equal numbers: 1 and 1.0 → `1`."""
    return f"{level:g}" if is_number(level) else str(level)


def in_order(level: str) -> tuple[float, str]:
    """Sort key: numbers by their size, before words."""
    try:
        return float(level), level
    except ValueError:
        return float("inf"), level

"""The verdict on a finding with the part of it that was tested, and all words for it."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from ablate.plural import counted
from ablate.reporting.tested_parts import Share
from ablate.stats.statements import Holds


class Outcome(StrEnum):
    """Whether a finding holds; where it does, whether all of it was tested."""

    AGREES = "agrees"
    AGREES_IN_PART = "agrees in part"
    DISAGREES = "disagrees"
    UNDECIDED = "undecided"

    @classmethod
    def of(cls, holds: Holds, shares: Sequence[Share]) -> "Outcome":
        """`shares` are those of which not all was tested."""
        if holds is Holds.AGREES:
            return cls.AGREES_IN_PART if shares else cls.AGREES
        return cls.DISAGREES if holds is Holds.DISAGREES else cls.UNDECIDED

    def text(self, shares: Sequence[Share]) -> str:
        """`agrees in part: 2 of 5 levels, 1 of 6 data sets`; `disagrees, tested in part: …`; `agrees`."""
        if not shares:
            return str(self)
        tested = "" if self is Outcome.AGREES_IN_PART else ", tested in part"
        return f"{self}{tested}: {', '.join(map(str, shares))}"


VERBS: dict[Outcome | None, tuple[str, str]] = {  # of one finding, of several; None: not tested
    Outcome.AGREES: ("agrees", "agree"),
    Outcome.AGREES_IN_PART: ("agrees in part", "agree in part"),
    Outcome.DISAGREES: ("disagrees", "disagree"),
    Outcome.UNDECIDED: ("is undecided", "are undecided"),
    None: ("is not tested", "are not tested"),
}


def counts_text(found: Iterable[Outcome | None]) -> str:
    """`2 agree, 1 agrees in part, 10 are not tested`."""
    every = list(found)
    return ", ".join(counted(every.count(one), *verbs) for one, verbs in VERBS.items() if one in every)

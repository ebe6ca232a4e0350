"""Statements about means of paired scores, and the verdict that measured scores give on a set of them."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ablate.stats.estimate import Estimate
from ablate.stats.holm import holm
from ablate.stats.paired import Alternative, t_test
from ablate.stats.seeds_needed import LEAST_SEEDS, seeds_needed
from ablate.study.words import NO_QUANTITY, Quantity

LEVEL = 0.05  # of the tests


@dataclass(frozen=True)
class Statement:
    """The claim that the mean of a contrast of paired scores is at least, or at most, a bound."""

    text: str  # "k=100 is at most 0.03 above k=50"
    values: tuple[float, ...]  # the contrast, one value for each seed
    bound: float
    at_most: bool = False
    least_p_refuted: float = 0.0  # p of another test, which must refute the claim as well as the t-test
    quantity: Quantity = NO_QUANTITY  # of the scores, as it is shown

    @cached_property
    def estimate(self) -> Estimate:
        return Estimate.of(self.values)

    @cached_property
    def p_supported(self) -> float | None:
        """p of the one-sided t-test whose rejection supports the claim; None for fewer than three seeds."""
        return self._p("less" if self.at_most else "greater")

    @cached_property
    def p_refuted(self) -> float | None:
        """p of the one-sided t-test whose rejection refutes the claim; None for fewer than three seeds.

        Where another test must refute it as well, the larger p of both.
        """
        p = self._p("greater" if self.at_most else "less")
        return None if p is None else max(p, self.least_p_refuted)

    @property
    def supported(self) -> bool:
        """Whether the claim is supported at 5 %."""
        return self.p_supported is not None and self.p_supported <= LEVEL

    def _p(self, alternative: Alternative) -> float | None:
        return t_test(self.values, self.bound, alternative) if len(self.values) >= LEAST_SEEDS else None

    @property
    def margin(self) -> float | None:
        """How far the mean lies on the claim's side of the bound; negative on the other side."""
        if self.estimate.mean is None:
            return None
        return self.bound - self.estimate.mean if self.at_most else self.estimate.mean - self.bound


class Holds(StrEnum):
    """Whether a finding holds in the measured scores."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """Whether a set of statements holds.

    It `agrees` where each statement is supported at 5 %, an intersection-union test, which needs no correction (Berger
    1982); `disagrees` where one is refuted at 5 % after Holm's correction; else it is `undecided`.
    """

    statements: tuple[Statement, ...]

    @cached_property
    def holds(self) -> Holds:
        if self.statements and not self.open:
            return Holds.AGREES
        return Holds.DISAGREES if self.refuted else Holds.UNDECIDED

    @cached_property
    def refuted(self) -> tuple[Statement, ...]:
        """The statements that are refuted at 5 % after Holm's correction over all statements."""
        tested = [statement for statement in self.statements if statement.p_refuted is not None]
        adjusted = holm([statement.p_refuted or 0.0 for statement in tested])
        return tuple(statement for statement, p in zip(tested, adjusted, strict=True) if p <= LEVEL)

    @cached_property
    def open(self) -> tuple[Statement, ...]:
        """The statements that are not supported at 5 %."""
        return tuple(statement for statement in self.statements if not statement.supported)

    @property
    def deciding(self) -> tuple[Statement, ...]:
        """The statements that the verdict rests on: the refuted ones, or all that are supported; none if undecided."""
        decided = {Holds.AGREES: self.statements, Holds.DISAGREES: self.refuted, Holds.UNDECIDED: ()}
        return decided[self.holds]

    @property
    def seeds_needed(self) -> int | None:
        """The seeds that would decide an undecided verdict, if means and deviations stay as they are; else None.

        Where every mean lies on its statement's side: those that support all. Otherwise the fewest that refute one.
        """
        if self.holds is not Holds.UNDECIDED:
            return None
        wrong = [statement for statement in self.statements if (statement.margin or 0.0) < 0]
        if wrong:
            counts = [needed(statement, LEVEL / len(self.statements)) for statement in wrong]
            return min((count for count in counts if count is not None), default=None)
        counts = [needed(statement, LEVEL) for statement in self.open]
        return None if None in counts else max((count for count in counts if count is not None), default=None)


def needed(statement: Statement, alpha: float) -> int | None:
    """The seeds with which a one-sided t-test decides a statement with power 0.8.

    None where so many were run, and another test than the t-test has left it open.
    """
    count = seeds_needed(statement.margin or 0.0, statement.estimate.std, alpha=alpha, one_sided=True)
    return None if count is None or count <= statement.estimate.n else count

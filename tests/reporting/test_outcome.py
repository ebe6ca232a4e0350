"""The words for verdicts on findings."""

import pytest

from ablate.reporting.outcome import Outcome, counts_text
from ablate.reporting.tested_parts import Share
from ablate.stats.statements import Holds

PART = (Share(2, 5, "levels"),)


@pytest.mark.parametrize(
    ("holds", "shares", "outcome", "text"),
    [
        (Holds.AGREES, (), Outcome.AGREES, "agrees"),
        (Holds.AGREES, PART, Outcome.AGREES_IN_PART, "agrees in part: 2 of 5 levels"),
        (Holds.DISAGREES, (), Outcome.DISAGREES, "disagrees"),
        (Holds.DISAGREES, PART, Outcome.DISAGREES, "disagrees, tested in part: 2 of 5 levels"),
        (Holds.UNDECIDED, PART, Outcome.UNDECIDED, "undecided, tested in part: 2 of 5 levels"),
    ],
)
def test_only_findings_that_agree_have_an_outcome_of_their_own_where_a_part_was_tested(
    holds: Holds, shares: tuple[Share, ...], outcome: Outcome, text: str
) -> None:
    assert Outcome.of(holds, shares) is outcome
    assert outcome.text(shares) == text


def test_outcomes_are_counted_in_words_in_one_order() -> None:
    found = [None, Outcome.UNDECIDED, Outcome.AGREES_IN_PART, Outcome.AGREES, Outcome.AGREES, None]
    assert counts_text(found) == "2 agree, 1 agrees in part, 1 is undecided, 2 are not tested"

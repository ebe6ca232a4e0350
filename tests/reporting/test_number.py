"""Numbers and words, as they are read."""

import pytest

from ablate.draw.labels import cell, estimated, level_text, number
from ablate.stats.variants import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.869, "0.8690"), (1.0, "1.0000"), (16.9, "16.90"), (1539.8, "1539.8"), (0.00002, "2.00e-05"), (0.0, "0.0000")],
)
def test_a_number_has_as_many_decimals_as_its_size_bears(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_not_known_is_said_in_words() -> None:
    assert estimated(Estimate.of([])) == "–"
    assert estimated(Estimate.of([0.5])) == "0.5000 (one seed, no interval)"
    assert estimated(Estimate.of([0.7, 0.8, 0.9])) == "0.8000 ± 0.2484"


def test_levels_read_as_people_write_them() -> None:
    assert [level_text(level) for level in (None, True, False, 5.0, 1e-05, 100, "rp+vat")] == [
        *("none", "on", "off", "5", "1e-05", "100", "rp+vat")
    ]


def test_words_of_users_cannot_break_a_table_or_become_markdown() -> None:
    assert cell("a | b\nc") == r"a \| b c"
    assert cell("<b> [x](y) `z` *w*") == r"\<b\> \[x\](y) \`z\` \*w\*"
    assert cell("batch_size __init__") == r"batch_size \_\_init\_\_"

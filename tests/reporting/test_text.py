"""Numbers and estimates as text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uncertainties import ufloat

from ablate.draw.numbers import estimate_text, exact, number, range_text, signed, with_error
from ablate.reporting.report import Cell, Measured, scale_of
from ablate.reporting.text import cell_text, ratio_text
from ablate.stats.estimate import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.869, "0.8690"),
        (1.0, "1.000"),
        (9.999999999999998, "10.00"),
        (16.9, "16.90"),
        (1539.8, "1539.8"),
        (0.00002, "2.00e-05"),
        (0.0, "0.0000"),
    ],
)
def test_larger_numbers_have_fewer_decimals(value: float, text: str) -> None:
    assert number(value) == text


def test_an_estimate_states_its_interval_or_that_one_seed_has_none() -> None:
    assert estimate_text(Estimate.of([])) == "–"
    assert estimate_text(Estimate.of([0.5])) == "0.5000 (one seed, no interval)"
    assert estimate_text(Estimate.of([0.7, 0.8, 0.9])) == "0.80 ± 0.25"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("vat", "vat"),
        (3, "3"),
        (0.1, "0.1000"),
        (None, "–"),
        (Measured(Estimate(1, 0.5), smaller=True), "0.5000 (one seed, no interval) †"),
    ],
)
def test_cells_of_every_type_have_a_text(cell: Cell, text: str) -> None:
    assert cell_text(cell) == text


@given(value=st.floats(-1e5, 1e5), error=st.floats(1e-4, 90.0))
@example(value=0.0, error=0.95)
@example(value=0.0, error=0.355)
def test_digits_follow_the_error_as_in_uncertainties(value: float, error: float) -> None:
    theirs, _, their_error = f"{ufloat(value, error):f}".partition("+/-")
    ours = theirs.replace("-", "−") if float(theirs) else theirs.removeprefix("-")
    assert with_error(value, error) == f"{ours} ± {their_error}"


def test_numbers_have_one_minus_sign_and_zero_has_none() -> None:
    assert number(-0.25) == "−0.2500"
    assert number(-1.2e-5) == "−1.20e-05"
    assert number(-0.0) == "0.0000"
    assert with_error(-0.001, 0.5) == "0.0 ± 0.5"
    assert range_text((-0.5, 0.25)) == "−0.5 to 0.2"
    shown = [signed(value, with_error(abs(value), 23.0)) for value in (-0.3, 0.3, -7.0)]
    assert shown == ["0 ± 23", "0 ± 23", "−7 ± 23"]
    assert (signed(-0.031), signed(0.0)) == ("−0.0310", "0.0000")
    assert ratio_text(-1.0) == "−1.00"
    assert (exact(-0.015), exact(-0.0), exact(0.1 + 0.2)) == ("−0.015", "0", "0.3")


@pytest.mark.parametrize(
    ("factor", "texts"),
    [
        (1.0, ["0.75 ± 0.50", "0.68 ± 0.50", "0.7123 ± 0.0012"]),  # one digit more than the first two errors give
        (100.0, ["75 ± 50", "68 ± 50", "71.23 ± 0.12"]),
        (0.01, ["0.0075 ± 0.0050", "0.0068 ± 0.0050", "0.007123 ± 0.000012"]),
    ],
)
def test_means_of_a_column_have_two_digits_of_the_largest(factor: float, texts: list[str]) -> None:
    estimates = [
        Estimate(3, mean, 0.1, mean - half, mean + half)
        for mean, half in ((0.747, 0.5), (0.683, 0.5), (0.7123, 0.0012))
    ]
    scale = scale_of(estimates)
    assert [cell_text(Measured(one, factor=factor, scale=scale)) for one in estimates] == texts
    assert cell_text(Measured(estimates[0])) == "0.7 ± 0.5"


def test_a_mean_far_below_its_error_has_one_digit_more_than_the_error() -> None:
    assert cell_text(Measured(Estimate(3, 0.0075, 0.1, -0.4925, 0.5075), scale=0.0075)) == "0.01 ± 0.50"


def test_an_error_of_zero_leaves_the_number_as_it_is() -> None:
    assert with_error(0.5, 1e-17) == "0.5000 ± 0"

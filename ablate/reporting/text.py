"""Cells of tables as text, for formats that people read."""

from ablate.draw.numbers import ABSENT, decimals_of, estimate_text, fixed, number
from ablate.papers.reference import Printed
from ablate.reporting.report import Cell, Linked, Measured
from ablate.stats.estimate import Estimate

SMALLER = "†"  # marks values measured at a smaller scale than the paper's


def spread_text(estimate: Estimate) -> str:
    """The standard deviation of an estimate, with two digits."""
    if estimate.std is None:
        return ABSENT
    decimals = decimals_of(estimate.std)
    return "0" if decimals is None else f"{estimate.std:.{decimals}f}"


def ratio_text(value: float | None) -> str:
    """A ratio with two decimals: 0.20, −46.00."""
    return ABSENT if value is None else fixed(value, 2)


def printed_text(printed: Printed) -> str:
    """The paper's value with the digits that it prints, and the standard deviation or error where it prints one."""
    decimals = max(decimals_in(printed.value), decimals_in(printed.std or 0.0))
    spread = "" if printed.std is None else f" ± {printed.std:.{decimals}f}"
    return f"{printed.value:.{decimals}f}{spread}"


def decimals_in(value: float) -> int:
    """The decimals that a number is written with."""
    return len(f"{value:.12f}".rstrip("0").partition(".")[2])


def cell_text(cell: Cell) -> str:
    """A cell of a table."""
    match cell:
        case str() | int():
            return str(cell)
        case Measured(estimate, smaller, factor=factor, scale=scale):
            return estimate_text(estimate.times(factor), scale * factor) + (f" {SMALLER}" if smaller else "")
        case Linked(text):
            return text
        case Printed():
            return printed_text(cell)
        case _:
            return number(cell)

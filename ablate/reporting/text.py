"""Numbers and cells of tables as text, for formats that people read."""

from ablate.papers.reference import Printed
from ablate.reporting.report import Cell, Measured
from ablate.stats.estimate import Estimate

ABSENT = "–"
SMALLER = "†"  # marks values measured at a smaller scale than the paper's


def number(value: float | None) -> str:
    """Four decimals below ten, fewer above: 0.8690, 16.90, 1539.8; a dash for None."""
    if value is None:
        return ABSENT
    size = abs(value)
    if 0 < size < 0.001:
        return f"{value:.2e}"
    return f"{value:.{4 if size < 10 else 2 if size < 100 else 1}f}"


def signed(value: float) -> str:
    """A number with its sign: +0.0310, −4.200."""
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{number(abs(value))}"


def estimate_text(estimate: Estimate) -> str:
    """`0.8690 ± 0.0130`, the mean and half its interval; one seed has no interval, which the text states."""
    if estimate.mean is None:
        return ABSENT
    if estimate.half is None:
        return f"{number(estimate.mean)} (one seed, no interval)"
    return f"{number(estimate.mean)} ± {number(estimate.half)}"


def printed_text(printed: Printed) -> str:
    """The paper's value, with the standard deviation or error where it prints one."""
    return number(printed.value) if printed.std is None else f"{number(printed.value)} ± {number(printed.std)}"


def cell_text(cell: Cell) -> str:
    """A cell of a table."""
    match cell:
        case str() | int():
            return str(cell)
        case Measured(estimate, smaller):
            return estimate_text(estimate) + (f" {SMALLER}" if smaller else "")
        case Printed():
            return printed_text(cell)
        case _:
            return number(cell)

"""How numbers and words stand in a report."""

import re

from ablate.options import Value
from ablate.papers.reference import Printed
from ablate.stats.variants import Estimate

ABSENT = "–"


def number(value: float | None) -> str:
    """Four decimals below ten, fewer above: 0.8690, 16.90, 1539.8; a dash for none."""
    if value is None:
        return ABSENT
    size = abs(value)
    if 0 < size < 0.001:
        return f"{value:.2e}"
    return f"{value:.{4 if size < 10 else 2 if size < 100 else 1}f}"


def estimated(estimate: Estimate) -> str:
    """`0.8690 ± 0.0130`; a single seed has no interval, and says so."""
    if estimate.mean is None:
        return ABSENT
    if estimate.half is None:
        return f"{number(estimate.mean)} (one seed, no interval)"
    return f"{number(estimate.mean)} ± {number(estimate.half)}"


def stated(printed: Printed | None) -> str:
    """A paper's number with what it prints behind ±."""
    if printed is None:
        return ABSENT
    return number(printed.value) if printed.std is None else f"{number(printed.value)} ± {number(printed.std)}"


def level_text(level: Value) -> str:
    """A level as a person writes it: 5, 0.001, on, none."""
    if isinstance(level, bool):
        return "on" if level else "off"
    if level is None:
        return "none"
    return f"{level:.6g}" if isinstance(level, float) else str(level)


def cell(text: object) -> str:
    """Words that cannot break a Markdown table, nor be read as Markdown."""
    plain = " ".join(str(text).split())
    return re.sub(r"([\\`*\[\]<>|~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", plain)

"""Prints what differs between two trials, as a table for each kind of difference or as JSON."""

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from ablate.codec import to_plain
from ablate.view import console
from ablate.view.console import print_json

if TYPE_CHECKING:
    from ablate.driver.trial_diff import TrialDiff

SECTIONS = ("settings", "versions", "data", "metrics")


def print_diff(found: "TrialDiff", as_json: bool) -> None:
    if as_json:
        print_json(to_plain(found))
        return
    for section in SECTIONS:
        values = getattr(found, section)
        if values:
            table = Table(section, found.first, found.second, box=box.SIMPLE, pad_edge=False)
            for one in values:
                table.add_row(*(Text(shown(part)) for part in (one.name, one.first, one.second)))
            console.out.print(table)
    if not any(getattr(found, section) for section in SECTIONS):
        console.out.print("nothing differs")


def shown(value: object) -> str:
    """A value with seven digits; a dash where there is none."""
    return "–" if value is None else f"{value:.7g}" if isinstance(value, float) else str(value)

"""The rows of the tables of methods, data sets, probes, augmentations and papers, as `ablate list` prints them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from ablate.plural import counted
from ablate.view import console
from ablate.view.console import print_json

if TYPE_CHECKING:
    from ablate.catalog import CatalogEntry


def print_entries(entries: Sequence["CatalogEntry"], as_json: bool) -> None:
    """A line for each row of a table, then one for each refused row of an installed package."""
    if as_json:
        print_json([entry.to_json() for entry in entries])
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for entry in entries:
        if "refused" not in entry.details:
            table.add_row(Text(entry.name, "bold"), "; ".join([entry.description, *paper_counts(entry.details)]))
    console.out.print(table)
    for entry in entries:
        if "refused" in entry.details:
            console.out.print(Text.assemble(("refused", "red"), f"  {entry.description}"))


def paper_counts(details: Mapping[str, Any]) -> Iterator[str]:
    """A paper's number of methods and studies, of printed numbers that these cover, and of findings by verdict."""
    if "studies" in details:
        printed, covered = details["numbers"].values()
        studies = counted(len(details["studies"]), "study", "studies")
        yield f"{counted(len(details['methods']), 'method')}, {studies}"
        yield f"{covered} of {counted(printed, 'number')} covered"
    elif "studies unknown" in details:
        yield counted(len(details["methods"]), "method")
        yield f"studies unknown: {details['studies unknown']}"
    if "tested" in details:
        yield details["tested"]


def print_entry(entry: "CatalogEntry", as_json: bool) -> None:
    from ablate.catalog import type_and_range

    if as_json:
        print_json(entry.to_json())
        return
    console.out.print(Text.assemble((entry.name, "bold"), f"  {entry.description}"))
    if entry.source:
        console.out.print(entry.source)
    if entry.settings:
        table = Table("setting", "default", "type", "meaning", box=box.SIMPLE, pad_edge=False)
        for option in entry.settings:
            table.add_row(option.name, in_words(option.default), Text(type_and_range(option)), Text(option.description))
        console.out.print(table)
    for title, detail in entry.details.items():
        if detail in ({}, [], ""):
            continue
        if isinstance(detail, dict):
            console.out.print(f"{title}:")
            for key, value in detail.items():
                console.out.print(f"  {key}: {in_words(value)}")
        else:
            console.out.print(f"{title}: {', '.join(detail) if is_words(detail) else detail}")


def in_words(value: object) -> str:
    """A value as a study file has it, without quotes; settings as `training.epochs = 400, …`."""
    if isinstance(value, dict):
        return ", ".join(f"{path} = {in_words(one)}" for path, one in value.items())
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else "null" if value is None else str(value)


def is_words(detail: object) -> bool:
    return isinstance(detail, list) and bool(detail) and all(isinstance(word, str) for word in detail)

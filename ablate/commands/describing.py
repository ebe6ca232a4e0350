"""`ablate doctor` and `list`: what this machine has, and what can be studied."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ablate.commands.arguments import Address, Json, Storage
from ablate.commands.values import store_of
from ablate.errors import ServiceError, StudyError

if TYPE_CHECKING:
    from ablate.catalog import CatalogEntry
    from ablate.paths import Store

Kind = Annotated[
    Literal["methods", "datasets", "probes", "augmentations", "papers", "training", "keys"],
    typer.Argument(help="Which table to list"),
]


def doctor(storage: Storage = None, address: Address = "", as_json: Json = False) -> None:
    """Check this machine, the cluster and the server, and print a remedy for each check that fails."""
    from ablate.doctor import examine
    from ablate.view.answers import print_health_checks

    checks = examine(store_of(storage), address)
    print_health_checks(checks, as_json)
    raise typer.Exit(any(not check.fit for check in checks))


def list_entries(
    kind: Kind,
    name: Annotated[str | None, typer.Argument(help="One entry: its settings, defaults and source")] = None,
    show: Annotated[bool, typer.Option("--show", help="Draw a data set's images and their augmented views")] = False,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """List methods, data sets, probes, augmentations, papers, training settings or keys of a study, or one of them."""
    if show:
        show_sheets(kind, name, store_of(storage), as_json)
        return
    from ablate.catalog import entries, entry
    from ablate.view.entries import print_entries, print_entry

    if name is None:
        print_entries([with_verdicts(kind, one, storage) for one in entries(kind)], as_json)
    else:
        print_entry(with_verdicts(kind, entry(kind, name), storage), as_json)


def with_verdicts(kind: str, entry: "CatalogEntry", storage: Path | None) -> "CatalogEntry":
    """A paper's entry with the verdicts on its findings that the store's launched studies give; others as they are."""
    if kind != "papers" or "refused" in entry.details:
        return entry
    from ablate.driver.status import launched_studies

    store = store_of(storage)
    if not launched_studies(store):
        return entry
    from ablate.driver.paper_report import verdicts_on

    try:
        found = verdicts_on(entry.name, store)
    except ServiceError as error:  # the papers are known without MLflow
        return replace(entry, details={**entry.details, "verdicts unknown": str(error)})
    tested = {"tested": found.tested} if found.tested else {}
    return replace(entry, details={**entry.details, "verdicts": dict(found.verdicts), **tested})


def show_sheets(kind: str, name: str | None, store: "Store", as_json: bool) -> None:
    from ablate.draw.contact_sheets import contact_sheets
    from ablate.view.console import print_json

    if kind != "datasets" or name is None:
        raise StudyError("--show is for one data set", "as in 'ablate list datasets cifar10 --show'")
    files = [str(file) for file in contact_sheets(name, store)]
    if as_json:
        print_json({"files": files})
    else:
        typer.echo("\n".join(files))

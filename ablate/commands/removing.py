"""`ablate rm` and `gc`: removing a study, and freeing what no study needs any more."""

import sys
from typing import Annotated

import typer

from ablate.commands.arguments import Json, Storage, StudyName
from ablate.commands.values import store_of
from ablate.errors import StudyError
from ablate.plural import counted

Sure = Annotated[bool, typer.Option("--yes", "-y", help="Remove without confirmation")]


def rm(study: StudyName, storage: Storage = None, yes: Sure = False, as_json: Json = False) -> None:
    """Remove a study: its runs in MLflow, its encoders and its files."""
    from ablate.api import name_of
    from ablate.driver.removal import find_study, remove_study
    from ablate.view.console import print_json, size

    store, name = store_of(storage), name_of(study)
    found = find_study(store, name)
    trials, freed = len(found.runs), found.encoder_bytes + found.folder_bytes
    question = (
        f"remove '{name}': {counted(trials, 'run')} in MLflow, {counted(found.encoders, 'encoder')}"
        f" ({size(found.encoder_bytes)})"
        f" and {found.folder} ({size(found.folder_bytes)})"
    )
    confirm(question, yes)
    remove_study(store, found)
    if as_json:
        print_json({"study": name, "runs": trials, "encoders": found.encoders, "freed_bytes": freed})
    else:
        typer.echo(f"'{name}' is removed; {size(freed)} are free; MLflow shows its runs among the deleted ones")


def gc(storage: Storage = None, yes: Sure = False, as_json: Json = False) -> None:
    """Free the encoders of trials that no study names any more, and of deleted runs."""
    from ablate.driver.removal import find_garbage, free_garbage, names_of
    from ablate.view.console import print_json, size

    store = store_of(storage)
    found = find_garbage(store)
    if found.runs:
        names = names_of(found.runs)
        shown = "\n".join(f"  {name}" for name in names[:16]) + (f"\n  and {len(names) - 16} more" * (len(names) > 16))
        confirm(f"{shown}\nfree {counted(len(names), 'encoder')} ({size(found.encoder_bytes)})", yes)
        free_garbage(store, found)
    if as_json:
        print_json({"encoders": len(found.runs), "freed_bytes": found.encoder_bytes})
    else:
        typer.echo(f"{counted(len(found.runs), 'encoder')} freed, {size(found.encoder_bytes)}")


def confirm(question: str, yes: bool) -> None:
    """Ask on the terminal.  Raises StudyError where the answer is no, or where no one can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise StudyError(question.strip().replace("\n", ", "), "confirm with --yes")
    if not typer.confirm(f"{question}?", err=True):
        raise StudyError("nothing was removed", "answer y to go on")

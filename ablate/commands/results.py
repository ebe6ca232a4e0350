"""`ablate status`, `logs`, `report` and `ui`: what a study's trials have done."""

from typing import Annotated

import typer

from ablate.commands.arguments import Debug, Json, Profile, Set, Storage, StudyFile
from ablate.commands.values import read_study, store_of


def status(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="One study [default: all of the store]")
    ] = None,
    storage: Storage = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the states of a study's trials."""
    from ablate.api import status as status_of
    from ablate.view.answers import print_status

    print_status(status_of(study, store=storage), as_json)


def logs(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's key, the beginning of its key, or its name")],
    study: Annotated[str | None, typer.Option("--study", help="Its study, where several have such a trial")] = None,
    storage: Storage = None,
    debug: Debug = False,
) -> None:
    """Print a trial's log and traceback."""
    from ablate.api import logs as log_of

    typer.echo(log_of(trial, study=study, store=storage), nl=False)


def report(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    storage: Storage = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the report from the results that are recorded now."""
    from ablate.driver.report import write_current_report
    from ablate.reporting.json import to_json
    from ablate.view.console import answer

    written = write_current_report(read_study(study, profile, overrides), store_of(storage))
    if as_json:
        answer(to_json(written.report))
    else:
        typer.echo(f"{written.path.read_text(encoding='utf-8')}\n{written.path}")


def ui(
    storage: Storage = None,
    browser: Annotated[bool, typer.Option(help="Open a browser")] = True,
    debug: Debug = False,
) -> None:
    """Serve the MLflow UI over the store, until Ctrl-C."""
    from ablate.track.ui import serve_until_interrupt

    serve_until_interrupt(store_of(storage), browser, typer.echo)

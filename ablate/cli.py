"""The command line: parse, call one function, print.  Heavy packages are imported by the commands that need them."""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ablate.errors import AblateError

if TYPE_CHECKING:
    from ablate.paths import Store
    from ablate.study.model import Study

app = typer.Typer(
    help="Hyperparameter studies and ablations of self-supervised learning, run with Ray and recorded in MLflow.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyFile = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file, or a name: epsilon is studies/epsilon.yaml")
]
StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file, or the name of a study that was launched")
]
Profile = Annotated[str | None, typer.Option("--profile", "-p", help="One of the study's profiles")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one value of the study; repeatable"),
]
Storage = Annotated[Path | None, typer.Option("--storage", help="The store's folder [default: ./ablate-store]")]
Address = Annotated[str, typer.Option("--address", help="A running Ray cluster [default: this machine]")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Confirm a study of more than 10,000 trials")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON")]
Kind = Annotated[
    Literal["methods", "datasets", "probes", "augmentations", "papers"], typer.Argument(help="Which table to list")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error")]


@app.command()
def launch(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and run nothing")] = False,
    storage: Storage = None,
    address: Address = "",
    checkpoint_every: Annotated[float, typer.Option(help="Seconds between two checkpoints of a trial")] = 60.0,
    yes: Yes = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run what is missing, show progress, write the report."""
    with errors(debug):
        read = read_study(study, profile, overrides)
        if dry_run:
            show_plan(read, store_of(storage), yes, as_json)
        else:
            launch_and_print(read, store_of(storage), address, checkpoint_every, yes, as_json, retry=False)


@app.command()
def retry(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    storage: Storage = None,
    address: Address = "",
    yes: Yes = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the failed trials again, with whatever else is missing."""
    with errors(debug):
        read = read_study(study, profile, overrides)
        launch_and_print(read, store_of(storage), address, 60.0, yes, as_json, retry=True)


@app.command()
def plan(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    storage: Storage = None,
    yes: Yes = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what would run: trials, packs, finished trials, devices, time; run nothing."""
    with errors(debug):
        show_plan(read_study(study, profile, overrides), store_of(storage), yes, as_json)


@app.command()
def status(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="One study [default: all of the store]")
    ] = None,
    storage: Storage = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the states of a study's trials."""
    with errors(debug):
        from ablate.api import status as status_of
        from ablate.view import print_status

        print_status(status_of(study, store=storage), as_json)


@app.command()
def logs(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's key, the beginning of its key, or its name")],
    study: Annotated[str | None, typer.Option("--study", help="Its study, where several have such a trial")] = None,
    storage: Storage = None,
    debug: Debug = False,
) -> None:
    """Print a trial's log and traceback."""
    with errors(debug):
        from ablate.api import logs as log_of

        typer.echo(log_of(trial, study=study, store=storage), nl=False)


@app.command()
def stop(study: StudyName, storage: Storage = None, debug: Debug = False) -> None:
    """Make a running launch of a study write checkpoints and stop, from another terminal."""
    with errors(debug):
        from ablate.api import stop as ask_to_stop

        typer.echo(ask_to_stop(study, store=storage))


@app.command()
def report(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    storage: Storage = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the report from the results that are recorded now."""
    with errors(debug):
        from ablate.driver.report import write_current_report
        from ablate.reporting.json import to_json
        from ablate.view import answer

        written = write_current_report(read_study(study, profile, overrides), store_of(storage))
        if as_json:
            answer(to_json(written.report))
        else:
            typer.echo(f"{written.path.read_text(encoding='utf-8')}\n{written.path}")


@app.command()
def sync(study: StudyName, storage: Storage = None, debug: Debug = False) -> None:
    """Upload the records that an earlier launch could not send to MLflow."""
    with errors(debug):
        from ablate.api import sync as upload_rest

        typer.echo(upload_rest(study, store=storage))


@app.command()
def ui(
    storage: Storage = None,
    browser: Annotated[bool, typer.Option(help="Open a browser")] = True,
    debug: Debug = False,
) -> None:
    """Serve the MLflow UI over the store, until Ctrl-C."""
    with errors(debug):
        from ablate.track.ui import serve_until_interrupt

        serve_until_interrupt(store_of(storage), browser, typer.echo)


@app.command()
def check(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    yes: Yes = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Validate a study and run nothing."""
    with errors(debug):
        from ablate.planning.valid_study import validate
        from ablate.view import print_checked

        print_checked(validate(read_study(study, profile, overrides), yes), as_json)


@app.command()
def doctor(storage: Storage = None, address: Address = "", as_json: Json = False, debug: Debug = False) -> None:
    """Check this machine, the cluster and the server, and print a remedy for each check that fails."""
    with errors(debug):
        from ablate.doctor import examine
        from ablate.view import print_health_checks

        checks = examine(store_of(storage), address)
        print_health_checks(checks, as_json)
    raise typer.Exit(any(not check.fit for check in checks))


@app.command(name="list")
def list_entries(
    kind: Kind,
    name: Annotated[str | None, typer.Argument(help="One entry: its settings, defaults and source")] = None,
    show: Annotated[bool, typer.Option("--show", help="Draw a data set's images and their augmented views")] = False,
    storage: Storage = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the methods, data sets, probes, augmentations or papers, or describe one of them."""
    with errors(debug):
        if show:
            show_sheets(kind, name, store_of(storage))
            return
        from ablate.catalog import entries, entry
        from ablate.view import print_entries, print_entry

        if name is None:
            print_entries(entries(kind), as_json)
        else:
            print_entry(entry(kind, name), as_json)


def read_study(study: str, profile: str | None, overrides: list[str] | None) -> "Study":
    from ablate.study.read import read_study as read

    return read(study, profile, tuple(overrides or ()))


def show_sheets(kind: str, name: str | None, store: "Store") -> None:
    from ablate.draw.contact_sheets import contact_sheets
    from ablate.errors import StudyError

    if kind != "datasets" or name is None:
        raise StudyError("--show is for one data set", "as in 'ablate list datasets cifar10 --show'")
    for file in contact_sheets(name, store):
        typer.echo(file)


def store_of(storage: Path | None) -> "Store":
    from ablate.api import store_of as store_at

    return store_at(storage)


def show_plan(study: "Study", store: "Store", yes: bool, as_json: bool) -> None:
    from ablate.api import plan as make_plan
    from ablate.view import print_plan

    print_plan(make_plan(study, store=store.root, yes=yes), as_json)


def launch_and_print(
    study: "Study", store: "Store", address: str, checkpoint_every: float, yes: bool, as_json: bool, retry: bool
) -> None:
    from ablate.driver.launch import Options, launch
    from ablate.view import print_summary, watching

    options = Options(address, retry, checkpoint_every)
    with watching(study, store, quiet=as_json) as listen:
        summary = launch(study, store, options, listen, yes=yes)
    print_summary(summary, study, as_json)
    if summary.failed:
        raise typer.Exit(1)


@contextlib.contextmanager
def errors(debug: bool) -> Iterator[None]:
    """Print an error that the user can fix as one paragraph, and exit with its code."""
    try:
        yield
    except AblateError as error:
        if debug:
            traceback.print_exc()
        typer.echo(f"ablate: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("ablate: interrupted", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> Any:
    return app()

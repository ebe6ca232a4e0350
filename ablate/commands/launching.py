"""`ablate launch`, `retry`, `stop` and `sync`: running a study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ablate.commands.arguments import (
    Address,
    Json,
    MinNodes,
    Storage,
    StudyName,
    Wait,
    Yes,
)
from ablate.commands.planning import print_plan_of
from ablate.commands.values import store_of, takes_study
from ablate.errors import ServiceAway

if TYPE_CHECKING:
    from ablate.study.model import Study


@takes_study
def launch(
    study: "Study",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and run nothing")] = False,
    storage: Storage = None,
    address: Address = "",
    min_nodes: MinNodes = 1,
    wait: Wait = 0.0,
    checkpoint_every: Annotated[float, typer.Option(help="Seconds between two checkpoints of a trial")] = 60.0,
    shared: Annotated[
        bool, typer.Option("--shared", help="Let others read the store, as far as your umask does [default: only you]")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Run what is missing, show progress, write the report."""
    if dry_run:
        print_plan_of(study, storage, address, yes, as_json)
        return
    nodes = {"address": address, "min_nodes": min_nodes, "wait": wait}
    launch_and_print(study, storage, yes, as_json, **nodes, checkpoint_every=checkpoint_every, shared=shared)


@takes_study
def retry(
    study: "Study",
    storage: Storage = None,
    address: Address = "",
    min_nodes: MinNodes = 1,
    wait: Wait = 0.0,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Run the failed trials and probes again, with whatever else is missing."""
    launch_and_print(study, storage, yes, as_json, address=address, min_nodes=min_nodes, wait=wait, retry=True)


def launch_and_print(study: "Study", storage: Path | None, yes: bool, as_json: bool, **options: Any) -> None:
    store = store_of(storage)
    from ablate.view.answers import print_summary
    from ablate.view.live import watching

    with watching(study, store, quiet=as_json) as listen:
        from ablate.driver.launch import launch  # takes seconds, which the view shows
        from ablate.driver.launch_options import Options

        summary = launch(study, store, Options(**options), listen, yes=yes)
    print_summary(summary, study, as_json, storage)
    if summary.flawed:
        raise typer.Exit(1)
    if summary.unsent:
        raise typer.Exit(ServiceAway.exit_code)  # launching again sends them


def stop(
    study: StudyName,
    launch: Annotated[
        bool, typer.Option("--launch", help="Stop the launch itself, also where a batch job runs it with this store")
    ] = False,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Make a running launch of a study write checkpoints and stop, from another terminal."""
    from ablate.api import name_of
    from ablate.api import stop as ask_to_stop
    from ablate.submit.jobs import stop_job

    store = store_of(storage)
    if not launch and (sentence := stop_job(store, name_of(study))):
        print_done(sentence, study, as_json)
        return
    print_done(ask_to_stop(study, store=storage), study, as_json)


def sync(study: StudyName, storage: Storage = None, as_json: Json = False) -> None:
    """Upload the records that an earlier launch could not send to MLflow."""
    from ablate.api import sync as upload_rest

    print_done(upload_rest(study, store=storage), study, as_json)


def print_done(sentence: str, study: str, as_json: bool) -> None:
    from ablate.view.console import print_json

    if as_json:
        print_json({"study": study, "done": sentence})
    else:
        typer.echo(sentence)

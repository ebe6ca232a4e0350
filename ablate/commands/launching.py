"""`ablate launch`, `retry`, `stop` and `sync`: running a study."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ablate.commands.arguments import Address, Debug, Json, Profile, Set, Storage, StudyFile, StudyName, Yes
from ablate.commands.planning import print_plan_of
from ablate.commands.values import read_study, store_of

if TYPE_CHECKING:
    from ablate.paths import Store
    from ablate.study.model import Study


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
    read = read_study(study, profile, overrides)
    if dry_run:
        print_plan_of(read, storage, yes, as_json)
        return
    launch_and_print(read, store_of(storage), yes, as_json, address=address, checkpoint_every=checkpoint_every)


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
    read = read_study(study, profile, overrides)
    launch_and_print(read, store_of(storage), yes, as_json, address=address, retry=True)


def launch_and_print(study: "Study", store: "Store", yes: bool, as_json: bool, **options: Any) -> None:
    from ablate.view.answers import print_summary
    from ablate.view.live import watching

    with watching(study, store, quiet=as_json) as listen:
        from ablate.driver.launch import Options, launch  # takes seconds, which the view shows

        summary = launch(study, store, Options(**options), listen, yes=yes)
    print_summary(summary, study, as_json)
    if summary.failed:
        raise typer.Exit(1)


def stop(study: StudyName, storage: Storage = None, debug: Debug = False) -> None:
    """Make a running launch of a study write checkpoints and stop, from another terminal."""
    from ablate.api import stop as ask_to_stop

    typer.echo(ask_to_stop(study, store=storage))


def sync(study: StudyName, storage: Storage = None, debug: Debug = False) -> None:
    """Upload the records that an earlier launch could not send to MLflow."""
    from ablate.api import sync as upload_rest

    typer.echo(upload_rest(study, store=storage))

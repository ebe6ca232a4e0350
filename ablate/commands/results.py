"""`ablate status`, `logs`, `report`, `diff` and `ui`: what a study's trials have done."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.commands.arguments import Json, Profile, Set, Storage, study_files
from ablate.commands.values import require_folder_of, store_of
from ablate.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ablate.paths import Store
    from ablate.study.model import Study

NOT_WRITTEN = "not written: the store may only be read"


def status(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="One study [default: all of the store]")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again every two seconds, until Ctrl-C")] = False,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Show the states of a study's trials."""
    from ablate.api import status as status_of
    from ablate.view.answers import print_status

    if not watch:
        print_status(status_of(study, store=storage), as_json)
        return
    from ablate.view.watch import print_changes

    print_changes(lambda: status_of(study, store=storage), as_json)


def logs(
    trial: Annotated[
        str,
        typer.Argument(
            metavar="TRIAL", help="A trial's key, the beginning of its key, or its name; or a submitted study"
        ),
    ],
    study: Annotated[str | None, typer.Option("--study", help="Its study, where several have such a trial")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print what it logs, until it has ended")] = False,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Print a trial's log and traceback; of a study that was submitted, what its batch job printed."""
    from ablate.driver.logs import follow_log, trial_log
    from ablate.view.answers import print_log

    store = store_of(storage)
    if (printed := output_of_job(store, trial, follow)) is not None:
        for text in filter(None, printed):
            typer.echo(json.dumps({"text": text}) if as_json else text, nl=as_json)
        return
    if not follow:
        print_log(trial_log(store, trial, study), as_json)
        return
    for text in filter(None, follow_log(store, trial, study)):
        typer.echo(json.dumps({"text": text}) if as_json else text, nl=as_json)


def output_of_job(store: "Store", study: str, follow: bool) -> "Iterator[str] | None":
    """What the batch job of a study printed; None where the name is no study's that was submitted."""
    from ablate.submit.jobs import job_logs

    try:
        return job_logs(store, study, follow)
    except StudyError:  # a trial's name need not be one that a study may have
        return None


def report(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help="A study file, or the name of one below studies or of a launched study",
            autocompletion=study_files,
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Argument(metavar="[OTHER]", help="A study to compare with, or another file or profile of the same one"),
    ] = None,
    paper: Annotated[
        str | None, typer.Option("--paper", help="Instead of a study: a paper with all its studies, or 'all' papers")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write a paper's page to this Markdown file and print its path only"),
    ] = None,
    profile: Profile = None,
    other_profile: Annotated[str | None, typer.Option("--other-profile", help="The profile of OTHER")] = None,
    other_storage: Annotated[
        Path | None, typer.Option("--other-storage", help="The store of OTHER [default: the same]")
    ] = None,
    overrides: Set = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Write the report from the results that are recorded now; of two studies, compare them."""
    store = store_of(storage)
    if paper is not None and study is not None:
        raise StudyError("a study and a paper are named", "name one of them")
    if paper is not None:
        report_paper(paper, store, output, as_json)
        return
    if study is None:
        raise StudyError("no study is named", "name one, or a paper with --paper")
    from ablate.driver.status import study_or_launched

    read = study_or_launched(store, study, profile, overrides or ())
    if other is None and other_profile is None and other_storage is None:
        report_study(read, store, as_json)
        return
    second_profile = other_profile if other_profile is not None or other else profile
    second_store = store if other_storage is None else store_of(other_storage)
    second = study_or_launched(second_store, other or study, second_profile, overrides or ())
    report_two((read, store), (second, second_store), as_json)


def report_study(study: "Study", store: "Store", as_json: bool) -> None:
    from ablate.driver.report import write_current_report
    from ablate.reporting.json import to_json
    from ablate.view.console import print_json

    written = write_current_report(study, store)
    if as_json:
        print_json(to_json(written.report))
    else:
        typer.echo(f"{written.text}\n{written.path or NOT_WRITTEN}")


def report_two(first: "tuple[Study, Store]", second: "tuple[Study, Store]", as_json: bool) -> None:
    """Write and print the comparison of two studies."""
    from ablate.driver.two_studies import compare_recorded, write_recorded
    from ablate.reporting.two_studies_formats import comparison_json, comparison_markdown
    from ablate.view.console import print_json

    found = compare_recorded(first, second)
    file = write_recorded(found, first[1])
    if as_json:
        print_json(comparison_json(found))
    else:
        typer.echo(f"{comparison_markdown(found)}\n{file or NOT_WRITTEN}")


def report_paper(paper: str, store: "Store", output: Path | None, as_json: bool) -> None:
    """Write the page of a paper, or of every paper, and print it unless it is written to a file that is named."""
    from ablate.atomic_write import write_output
    from ablate.driver.paper_report import pages_text, paper_page, papers_named, write_paper_page
    from ablate.reporting.paper_page_formats import page_json
    from ablate.view.console import print_json

    if output is not None:
        require_folder_of("--output", output)
    pages = tuple(paper_page(name, store) for name in papers_named(paper))
    files = [write_paper_page(page, store) for page in pages]
    if output is not None:
        write_output(output, pages_text(pages))
    if as_json:
        print_json([page_json(page) for page in pages])
        return
    if output is None:
        typer.echo(pages_text(pages))
    for file in files if output is None else [output]:
        typer.echo(file or NOT_WRITTEN)


def diff(
    first: Annotated[str, typer.Argument(metavar="RUN", help="A trial's name or key, or runs:/ID of MLflow")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="The trial to compare with")],
    study: Annotated[str | None, typer.Option("--study", help="Their study, where several have such a trial")] = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two trials: settings, versions, data and metrics."""
    from ablate.driver.trial_diff import diff_trials
    from ablate.view.trial_diff import print_diff

    print_diff(diff_trials(first, second, store_of(storage), study), as_json)


def ui(
    storage: Storage = None,
    browser: Annotated[bool, typer.Option(help="Open a browser")] = True,
    as_json: Json = False,
) -> None:
    """Serve the MLflow UI over the store, and Optuna's dashboard of searches where it is installed, until Ctrl-C."""
    from ablate.driver.dashboards import dashboards
    from ablate.track.ui import serve_until_interrupt

    def print_line(line: str) -> None:
        typer.echo(json.dumps({"message": line}) if as_json else line)

    store = store_of(storage)
    store.require_writable()  # the server writes its database and its log
    with dashboards(store) as addresses:
        serve_until_interrupt(store, browser, print_line, addresses)

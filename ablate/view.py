"""What the terminal shows: a live view of a launch, and the answers of the other commands."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ablate.codec import to_plain
from ablate.driver.progress import LaunchProgress, Listener, RunningTrial
from ablate.events import Activity, Ended, ExecutorLost, Message, Ready, State, Stopping
from ablate.paths import Store
from ablate.study.model import Study

if TYPE_CHECKING:
    from ablate.catalog import CatalogEntry
    from ablate.doctor import HealthCheck
    from ablate.driver.status import Status
    from ablate.driver.summary import Summary
    from ablate.planning.plan import Plan
    from ablate.planning.valid_study import ValidStudy

SHOWN = 16  # running trials
LINE_EVERY = 10.0  # seconds between two lines of progress where there is no terminal

verbatim = partial(Console, highlight=False, markup=False, emoji=False)  # names and reasons may hold brackets
console = verbatim(soft_wrap=True)
aside = verbatim(stderr=True)


@contextmanager
def watching(study: Study, store: Store, quiet: bool) -> Iterator[Listener]:
    """A listener that shows the progress of a launch: a live view in a terminal, plain lines elsewhere."""
    aside.print(Text.assemble((study.name, "bold"), f"  {study.question}"), soft_wrap=True)
    log = store.study(study.name).log
    log = log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log
    aside.print(f"output of Ray and MLflow: {log}", style="dim", soft_wrap=True)
    if not aside.is_terminal or quiet:
        yield Lines()
        return
    with Live(console=aside, refresh_per_second=4, transient=True) as live:
        yield LiveView(live)


class LiveView:
    """Draws the table of running trials again at every message."""

    def __init__(self, live: Live) -> None:
        self.live = live

    def __call__(self, progress: LaunchProgress, message: Message) -> None:
        self.live.update(running_table(progress))
        for line in lines_of(progress, message):
            self.live.console.print(line, soft_wrap=True)


class Lines:
    """Prints a line for each trial that ends, and every ten seconds one with the counts."""

    def __init__(self) -> None:
        self.printed = time.monotonic()

    def __call__(self, progress: LaunchProgress, message: Message) -> None:
        for line in lines_of(progress, message):
            aside.print(line, soft_wrap=True)
        if time.monotonic() - self.printed >= LINE_EVERY:
            self.printed = time.monotonic()
            aside.print(counts(progress), soft_wrap=True)


def lines_of(progress: LaunchProgress, message: Message) -> Iterator[str]:
    """The line that is printed for a message, if any."""
    match message:
        case Ready(slots=slots, nodes=nodes):
            yield f"{slots} side by side on {nodes} node{'s' * (nodes != 1)}"
        case Stopping():
            yield "stopping: trials write their checkpoints; Ctrl-C again ends everything at once"
        case ExecutorLost():
            yield "Ray has died; starting it again"
        case Ended(trial=key, state=state) if state is not State.STOPPED:
            shown = message.reason or values(study_metric_first(message.metrics, progress.metric))
            yield f"{state:9} {progress.names.get(key, key)}  {shown}"


def study_metric_first(metrics: Mapping[str, float], metric: str) -> dict[str, float]:
    """The study's metric, then the others except those of the training split."""
    shown = {name: value for name, value in metrics.items() if "/train_" not in name or name == metric}
    return {name: shown[name] for name in sorted(shown, key=lambda name: name != metric)}


def running_table(progress: LaunchProgress) -> Group:
    """The running trials, and the counts below them."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title, width in (("running", None), ("", 20), ("epoch", 5), ("", None), ("left", 8)):
        table.add_column(title, justify="right" if width and title else "left", no_wrap=True, min_width=width)
    rows = sorted(progress.running.values(), key=lambda row: row.since)
    for row in rows[:SHOWN]:
        bar = ProgressBar(total=1.0, completed=row.share, width=20)
        table.add_row(row.name, bar, str(row.epoch), values(row.values, most=1), remaining(row))
    return Group(table, Text(counts(progress)))


def counts(progress: LaunchProgress) -> str:
    waiting = len(progress.waiting) + progress.to_propose
    seconds = progress.seconds_left
    left = f", about {span(seconds)} left" if seconds is not None and seconds > 0 else ""
    return (
        f"{progress.finished} of {progress.total} finished, {len(progress.running)} running, {waiting} waiting,"
        f" {progress.failed} failed{left}"
    )


def remaining(row: RunningTrial) -> str:
    if row.activity is Activity.SCORING:
        return "scoring"
    return span(row.seconds_left) if row.seconds_left is not None else ""


def values(metrics: Mapping[str, float], most: int = 3) -> str:
    """The first few metrics, with four digits."""
    return "  ".join(f"{name} {value:.4g}" for name, value in list(metrics.items())[:most])


def span(seconds: float) -> str:
    """`50 s`, `12 min`, `3 h 20 min`"""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def answer(content: Any) -> None:
    """JSON to standard output."""
    json.dump(content, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def print_summary(summary: "Summary", study: Study, as_json: bool) -> None:
    if as_json:
        answer({**vars(summary), "report": str(summary.report or ""), "log": str(summary.log)})
        return
    console.print(f"{summary.finished} of {summary.total} trials finished, {summary.ran} of them in this launch")
    for name, reason in summary.failed.items():
        console.print(f"failed: {name}: {reason}")
    if summary.failed:
        console.print(f"read why: ablate logs '{next(iter(summary.failed))}'; run again: ablate retry {study.name}")
    if summary.unsent:
        console.print(f"records of {summary.unsent} trials wait for MLflow: ablate sync {study.name}")
    if summary.report:
        console.print(f"report:   {summary.report}")
    console.print("compare:  ablate ui")


def print_plan(plan: "Plan", as_json: bool) -> None:
    from ablate.planning.plan import Work
    from ablate.planning.resources import this_node

    node, left = this_node(), [planned.trial.name for planned in plan.left]
    finished, failed, works = plan.count(State.FINISHED), len(plan.failed), plan.works()
    if as_json:
        answer(
            {
                "study": plan.study.name,
                "trials": plan.total,
                "finished": finished,
                "failed": failed,
                "to_score": works[Work.SCORE],
                "to_run": left,
                "to_propose": plan.proposals,
                "packs": plan.pack_count,
                "slots": plan.slots,
                "node": to_plain(node),
                "seconds": plan.seconds,
            }
        )
        return
    console.print(f"{plan.study.name}: {plan.total} trials, {finished} finished, {failed} failed")
    if works[Work.SCORE]:
        console.print(f"{works[Work.SCORE]} are trained and are scored by other probes")
    more = f" and up to {plan.proposals} that a search proposes" if plan.proposals else ""
    console.print(f"{len(left)} to run{more}, in {plan.pack_count} packs, {plan.slots} side by side")
    console.print(f"on {node.name}: {node.cpus:g} cores, {node.gpus:g} GPUs")
    if plan.seconds is not None:
        console.print(f"about {span(plan.seconds)}, estimated from the finished trials")
    for name in left[:SHOWN]:
        console.print(f"  {name}")
    if len(left) > SHOWN:
        console.print(f"  and {len(left) - SHOWN} more")


def print_status(found: Sequence["Status"], as_json: bool) -> None:
    if as_json:
        answer([to_plain(status) for status in found])
        return
    if not found:
        console.print("no study was launched here")
    for status in found:
        counted = ", ".join(f"{count} {state}" for state, count in sorted(status.counts.items())) or "nothing yet"
        console.print(f"{status.study}: {counted}")
        if status.launched_by:
            console.print(f"  launched by {status.launched_by}")
        if status.unsent and not status.launched_by:
            console.print(f"  {status.unsent} trials are unfinished or wait for MLflow: launch again, or ablate sync")
        for trial in status.trials:
            scores = {name: value for name, value in trial.metrics.items() if not name.startswith("train/")}
            console.print(f"  {trial.key}  {trial.state:13}  {trial.name}  {trial.reason or values(scores)}")


def print_checked(checked: "ValidStudy", as_json: bool) -> None:
    if as_json:
        answer(vars(checked))
        return
    console.print(
        f"{checked.study}: {checked.trials} trials of {checked.variants} variants on {', '.join(checked.datasets)}"
    )


def print_health_checks(checks: Sequence["HealthCheck"], as_json: bool) -> None:
    if as_json:
        answer([vars(check) for check in checks])
        return
    for check in checks:
        mark = ("ok  ", "green") if check.fit else ("look", "red")
        console.print(Text.assemble(mark, f"  {check.what:12} {check.found}"))
        if not check.fit:
            console.print(f"      {check.remedy}")


def print_entries(entries: Sequence["CatalogEntry"], as_json: bool) -> None:
    """A line for each row of a table, then one for each refused row of an installed package."""
    if as_json:
        answer([entry.to_json() for entry in entries])
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for entry in entries:
        if "refused" not in entry.details:
            table.add_row(Text(entry.name, "bold"), "; ".join([entry.description, *paper_counts(entry.details)]))
    console.print(table)
    for entry in entries:
        if "refused" in entry.details:
            console.print(Text.assemble(("refused", "red"), f"  {entry.description}"))


def paper_counts(details: Mapping[str, Any]) -> Iterator[str]:
    """A paper's number of methods and studies, and of printed numbers that these cover."""
    if "studies" in details:
        printed, covered = details["numbers"].values()
        yield f"{len(details['methods'])} methods, {len(details['studies'])} studies"
        yield f"{covered} of {printed} numbers covered"


def print_entry(entry: "CatalogEntry", as_json: bool) -> None:
    from ablate.catalog import type_and_range

    if as_json:
        answer(entry.to_json())
        return
    console.print(Text.assemble((entry.name, "bold"), f"  {entry.description}"))
    if entry.source:
        console.print(entry.source)
    if entry.settings:
        table = Table("setting", "default", "type", "meaning", box=box.SIMPLE, pad_edge=False)
        for option in entry.settings:
            table.add_row(option.name, str(option.default), Text(type_and_range(option)), Text(option.description))
        console.print(table)
    for title, detail in entry.details.items():
        if isinstance(detail, dict):
            console.print(f"{title}:")
            for key, value in detail.items():
                console.print(f"  {key}: {value}")
        else:
            console.print(f"{title}: {', '.join(detail) if is_words(detail) else detail}")


def is_words(detail: object) -> bool:
    return isinstance(detail, list) and bool(detail) and all(isinstance(word, str) for word in detail)

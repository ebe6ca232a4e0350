"""What the terminal shows: a live view of a launch, and the answers of the other commands."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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

from ablate.cluster.messages import Message
from ablate.driver.board import Board, Row
from ablate.paths import Store
from ablate.study.model import Study

if TYPE_CHECKING:
    from ablate.catalog import Checked, Entry
    from ablate.doctor import Finding
    from ablate.driver.plan import Plan
    from ablate.driver.status import Status
    from ablate.driver.summary import Summary

Listen = Callable[[Board, Message], None]
SHOWN = 16  # running trials
LINE_EVERY = 10.0  # seconds between two lines of progress where there is no terminal

verbatim = partial(Console, highlight=False, markup=False, emoji=False)  # names and reasons may hold brackets
console = verbatim(soft_wrap=True)
aside = verbatim(stderr=True)


@contextmanager
def watching(study: Study, store: Store, quiet: bool) -> Iterator[Listen]:
    """Something that shows how a launch goes: live in a terminal, as plain lines elsewhere."""
    aside.print(Text.assemble((study.name, "bold"), f"  {study.question}"), soft_wrap=True)
    log = store.study(study.name).log
    log = log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log
    aside.print(f"Ray's and MLflow's own words go to {log}", style="dim", soft_wrap=True)
    if not aside.is_terminal or quiet:
        yield Lines()
        return
    with Live(console=aside, refresh_per_second=4, transient=True) as live:
        yield LiveView(live)


class LiveView:
    """The whole board, drawn again and again."""

    def __init__(self, live: Live) -> None:
        self.live = live

    def __call__(self, board: Board, message: Message) -> None:
        self.live.update(picture(board))
        for line in news(board, message):
            self.live.console.print(line, soft_wrap=True)


class Lines:
    """A line for everything that ends, and now and then one on what runs."""

    def __init__(self) -> None:
        self.said = time.monotonic()

    def __call__(self, board: Board, message: Message) -> None:
        for line in news(board, message):
            aside.print(line, soft_wrap=True)
        if time.monotonic() - self.said >= LINE_EVERY:
            self.said = time.monotonic()
            aside.print(counts(board), soft_wrap=True)


def news(board: Board, message: Message) -> Iterator[str]:
    """What a person wants to have read."""
    description = message.description
    if message.kind == "ready":
        yield f"{description['slots']} side by side on {description['nodes']} node{'s' * (description['nodes'] != 1)}"
    elif message.kind == "stopping":
        yield "stopping: trials write their checkpoints; Ctrl-C again ends everything at once"
    elif message.kind == "died":
        yield "Ray has died; starting it again"
    elif message.kind == "outcome" and description["status"] != "STOPPED":
        name = board.names.get(description["key"], description["key"])
        failed = description["status"] == "FAILED"
        told = description["reason"] if failed else values(told_first(description["metrics"] or {}, board.metric))
        yield f"{description['status'].lower():9} {name}  {told}"


def told_first(metrics: Mapping[str, float], metric: str) -> dict[str, float]:
    """The study's metric, then the others but for those of the training split."""
    shown = {name: value for name, value in metrics.items() if "/train_" not in name or name == metric}
    return {name: shown[name] for name in sorted(shown, key=lambda name: name != metric)}


def picture(board: Board) -> Group:
    """The board as it stands."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title, width in (("running", None), ("", 20), ("epoch", 5), ("", None), ("left", 8)):
        table.add_column(title, justify="right" if width and title else "left", no_wrap=True, min_width=width)
    rows = sorted(board.running.values(), key=lambda row: row.began)
    for row in rows[:SHOWN]:
        bar = ProgressBar(total=1.0, completed=row.share, width=20)
        table.add_row(row.name, bar, str(row.epoch), values(row.values, most=1), remaining(row))
    return Group(table, Text(counts(board)))


def counts(board: Board) -> str:
    waiting = len(board.waiting) + board.to_propose
    left = f", about {span(board.left)} left" if board.left is not None and board.left > 0 else ""
    return (
        f"{board.finished} of {board.total} finished, {len(board.running)} running, {waiting} waiting,"
        f" {board.failed} failed{left}"
    )


def remaining(row: Row) -> str:
    if row.doing == "scoring":
        return "scoring"
    return span(row.left) if row.left is not None else ""


def values(metrics: Any, most: int = 3) -> str:
    """The first few metrics, short."""
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
    if summary.undelivered:
        console.print(f"records of {summary.undelivered} trials wait for MLflow: ablate sync {study.name}")
    if summary.report:
        console.print(f"report:   {summary.report}")
    console.print("compare:  ablate ui")


def print_plan(plan: "Plan", as_json: bool) -> None:
    if as_json:
        answer(plan.to_json())
        return
    console.print(f"{plan.study}: {plan.trials} trials, {plan.finished} finished, {plan.failed} failed")
    if plan.rescore:
        console.print(f"{plan.rescore} are trained and get new scores")
    proposed = plan.trials - len(plan.to_run) - plan.finished - plan.failed
    more = f" and up to {proposed} that a search proposes" if proposed > 0 else ""
    console.print(f"{len(plan.to_run)} to run{more}, in {plan.packs} packs, {plan.slots} side by side")
    console.print(f"on {plan.node.name}: {plan.node.cpus:g} cores, {plan.node.gpus:g} GPUs")
    if plan.seconds is not None:
        console.print(f"about {span(plan.seconds)}, judging by the finished ones")
    for name in plan.to_run[:SHOWN]:
        console.print(f"  {name}")
    if len(plan.to_run) > SHOWN:
        console.print(f"  and {len(plan.to_run) - SHOWN} more")


def print_status(found: Sequence["Status"], as_json: bool) -> None:
    if as_json:
        answer([status.to_json() for status in found])
        return
    if not found:
        console.print("no study was launched here")
    for status in found:
        told = ", ".join(f"{count} {word.lower()}" for word, count in sorted(status.counts.items())) or "nothing yet"
        console.print(f"{status.study}: {told}")
        if status.launching:
            console.print(f"  launched by {status.launching}")
        if status.waiting and not status.launching:
            console.print(f"  {status.waiting} trials are unfinished or wait for MLflow: launch again, or ablate sync")
        for trial in status.trials:
            told = trial["reason"] or values({k: v for k, v in trial["metrics"].items() if not k.startswith("train/")})
            console.print(f"  {trial['key']}  {trial['status'].lower():9} {trial['name']}  {told}")


def print_checked(checked: "Checked", as_json: bool) -> None:
    if as_json:
        answer(vars(checked))
        return
    console.print(
        f"{checked.study}: {checked.trials} trials of {checked.variants} variants on {', '.join(checked.datasets)}"
    )


def print_findings(findings: Sequence["Finding"], as_json: bool) -> None:
    if as_json:
        answer([vars(finding) for finding in findings])
        return
    for finding in findings:
        mark = ("ok  ", "green") if finding.fit else ("look", "red")
        console.print(Text.assemble(mark, f"  {finding.what:12} {finding.found}"))
        if not finding.fit:
            console.print(f"      {finding.remedy}")


def print_entries(entries: Sequence["Entry"], as_json: bool) -> None:
    if as_json:
        answer([entry.to_json() for entry in entries])
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for entry in entries:
        table.add_row(Text(entry.name, "bold"), "; ".join([entry.description, *paper_in_brief(entry.facts or {})]))
    console.print(table)


def paper_in_brief(facts: Mapping[str, Any]) -> Iterator[str]:
    """How much of a paper there is."""
    if "studies" in facts:
        printed, covered = facts["numbers"].values()
        yield f"{len(facts['methods'])} methods, {len(facts['studies'])} studies"
        yield f"{covered} of {printed} numbers covered"


def print_entry(entry: "Entry", as_json: bool) -> None:
    from ablate.catalog import kind

    if as_json:
        answer(entry.to_json())
        return
    console.print(Text.assemble((entry.name, "bold"), f"  {entry.description}"))
    if entry.source:
        console.print(entry.source)
    if entry.settings:
        table = Table("setting", "default", "type", "meaning", box=box.SIMPLE, pad_edge=False)
        for one in entry.settings:
            table.add_row(one.name, str(one.default), Text(kind(one)), Text(one.description))
        console.print(table)
    for name, fact in (entry.facts or {}).items():
        if isinstance(fact, dict):
            console.print(f"{name}:")
            for key, value in fact.items():
                console.print(f"  {key}: {value}")
        else:
            console.print(f"{name}: {', '.join(fact) if is_words(fact) else fact}")


def is_words(fact: object) -> bool:
    return isinstance(fact, list) and bool(fact) and all(isinstance(word, str) for word in fact)

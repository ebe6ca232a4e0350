"""The view of a launch while it runs: a live table in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ablate.driver.progress import LaunchProgress, Listener, RunningTrial
from ablate.events import Activity, Ended, ExecutorLost, Message, Ready, State, Stopping
from ablate.paths import Store
from ablate.study.model import Study
from ablate.view import console
from ablate.view.console import span, values

SHOWN = 16  # running trials
LINE_EVERY = 10.0  # seconds between two lines of progress where there is no terminal


@contextmanager
def watching(study: Study, store: Store, quiet: bool) -> Iterator[Listener]:
    """A listener that shows the progress of a launch: a live view in a terminal, plain lines elsewhere."""
    console.aside.print(Text.assemble((study.name, "bold"), f"  {study.question}"), soft_wrap=True)
    log = store.study(study.name).log
    log = log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log
    console.aside.print(f"output of Ray and MLflow: {log}", style="dim", soft_wrap=True)
    if not console.aside.is_terminal or quiet:
        yield Lines()
        return
    with Live(console=console.aside, refresh_per_second=4, transient=True) as live:
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
            console.aside.print(line, soft_wrap=True)
        if time.monotonic() - self.printed >= LINE_EVERY:
            self.printed = time.monotonic()
            console.aside.print(counts(progress), soft_wrap=True)


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

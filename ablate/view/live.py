"""The view of a launch while it runs: a live table in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ablate.draw.labels import without_middle
from ablate.driver.progress import LaunchProgress, Listener, RunningTrial
from ablate.events import (
    Activity,
    BudgetLeft,
    Ended,
    ExecutorLost,
    JournalRepaired,
    Message,
    NodeRefused,
    NodesChanged,
    NoWorkers,
    Ready,
    RunsLink,
    Stage,
    StageBegan,
    State,
    Stopping,
    probe_reasons,
)
from ablate.paths import Store
from ablate.plural import counted
from ablate.study.model import Study
from ablate.study.words import Words
from ablate.view import console
from ablate.view.answers import comparison_lines
from ablate.view.console import clock, scores, span, values

LINE_EVERY = 10.0  # seconds between two lines of progress where there is no terminal
WIDE, MEDIUM = 100, 76  # columns of a terminal that has room for long bars and whole names of metrics; for short bars
COMPARED = 3  # differences from the baseline that are shown
OTHER_LINES = 5 + COMPARED  # of the view, beside the running trials
SEED = " · seed "  # before the seed, in a trial's name


@contextmanager
def watching(study: Study, store: Store, quiet: bool) -> Iterator[Listener]:
    """A listener that shows the progress of a launch: a live view in a terminal, plain lines elsewhere."""
    console.print_aside(Text.assemble((study.name, "bold"), f"  {study.question}".rstrip()))
    log = store.study(study.name).log
    log = log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log
    console.print_aside(Text(f"output of Ray and MLflow: {log}", "dim"))
    if not console.aside.is_terminal or quiet:
        lines = Lines()
        lines.print(Stage.PREPARING)
        yield lines
        return
    view = LiveView()
    with Live(console=console.aside, refresh_per_second=4, transient=True, get_renderable=view.draw):
        yield view


class LiveView:
    """The table of running trials, which a thread draws four times a second: the elapsed time always moves."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.progress = LaunchProgress()
        self.progress.stage = Stage.PREPARING

    def __call__(self, progress: LaunchProgress, message: Message) -> None:
        self.progress = progress
        for line in lines_of(progress, message):
            console.print_aside(line)

    def draw(self) -> RenderableType:
        size = console.aside.size
        return drawn(self.progress, time.monotonic() - self.began, size.width, size.height - OTHER_LINES)


class Lines:
    """Prints a line for each stage and each trial that ends, and every ten seconds one with the counts.

    While no trial runs, that line also says what the launch does.
    """

    def __init__(self) -> None:
        self.began = self.printed = time.monotonic()
        self.compared: set[str] = set()  # lines of the comparison that are printed

    def __call__(self, progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, StageBegan):
            self.print(message.stage)
        for line in lines_of(progress, message):
            self.print(line)
        if time.monotonic() - self.printed >= LINE_EVERY and not progress.stage:
            self.printed = time.monotonic()
            doing = stage_of(progress)
            self.print(counts(progress) + (f"; {doing}" if doing else ""))
            for line in comparison_lines(progress.compare(), most=COMPARED):
                if line not in self.compared:
                    self.print(line)
                    self.compared.add(line)

    def print(self, line: str) -> None:
        """Print a line, after the time since the launch began."""
        console.print_aside(f"{clock(time.monotonic() - self.began):>7}  {line}")


def lines_of(progress: LaunchProgress, message: Message) -> Iterator[str]:
    """The line that is printed for a message, if any."""
    match message:
        case Ready(slots=slots, nodes=nodes):
            yield f"{slots} side by side on {counted(nodes, 'node')}"
        case NodesChanged(slots=slots, nodes=nodes):
            yield f"now {slots} side by side on {counted(nodes, 'node')}"
        case NodeRefused(node=node, problem=problem, remedy=remedy):
            yield f"a node that has joined is not used: {node}: {problem}; {remedy}"
        case Stopping():
            yield "stopping: trials write their checkpoints; Ctrl-C again ends everything at once"
        case NoWorkers(seconds=seconds, reason=reason):
            yield f"no worker has started for {seconds:.0f} s: {reason}; Ctrl-C stops the launch"
        case RunsLink(link=link, nested=nested):
            yield f"runs in MLflow: {link}"
            yield f"the same, nested: {nested}"
        case JournalRepaired(lines=lines, file=file):
            yield f"the search's journal was damaged: {counted(lines, 'line')} set aside in {file}"
        case BudgetLeft(device_seconds=seconds, waiting=waiting) if seconds <= 0 and waiting and not progress.running:
            yield f"the budget is spent: {counted(waiting, 'trial is', 'trials are')} not started"
        case ExecutorLost():
            yield "Ray has died; starting it again"
        case Ended(trial=key, state=state) if state is not State.STOPPED:
            shown = message.reason or values(scores(message.metrics, progress.metric), words=progress.words)
            failed = f"  {probe_reasons(message.failed_probes)}" if message.failed_probes else ""
            yield f"{state:9} {progress.names.get(key, key)}  {shown}{failed}"


def drawn(progress: LaunchProgress, elapsed: float, width: int, rows: int) -> Group:
    """The running trials in at most `rows` lines of `width` columns, and below them what the launch does."""
    parts: list[RenderableType] = []
    if progress.running:
        parts = ["", running_table(progress, width, max(1, rows))]
        hidden = len(progress.running) - max(1, rows)
        parts += [Text(f"and {hidden} more", "dim")] if hidden > 0 else []
    doing = stage_of(progress)
    if doing:
        parts.append(f"{doing}  {clock(time.monotonic() - progress.stage_began)}")
    parts += [Text(line, "dim") for line in comparison_lines(progress.compare(), COMPARED, width)]
    if progress.total:
        line = f"{counts(progress)}, {clock(elapsed)} elapsed"
        parts.append(line if len(line) <= width else line.removesuffix(" elapsed"))
    return Group(*parts)


def stage_of(progress: LaunchProgress) -> str:
    """What the launch does while no trial runs; empty while one does."""
    if progress.running:
        return ""
    if progress.stage:
        return progress.stage
    if progress.waiting or progress.to_propose:
        return "" if progress.ends else "starting workers"
    return "ending Ray"


def running_table(progress: LaunchProgress, width: int, rows: int) -> Table:
    """The running trials, the oldest first: setting, seed, share, epoch, a value, time left.

    Only the setting is shortened where the terminal is narrow: the other columns are what a reader compares.
    """
    shown = sorted(progress.running.values(), key=lambda row: row.since)[:rows]
    bar = 20 if width >= WIDE else 10 if width >= MEDIUM else 4
    others = [["seed", "", "epoch", "", "left"], *(cells(row, progress.words, width) for row in shown)]
    widths = [max(len(line[column]) for line in others) for column in range(5)]
    room = width - sum(widths) - bar * (width >= MEDIUM) - 2 * 6
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "left", "right", "left", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_row("running", *others[0], style="bold")
    for row, (seed, share, *rest) in zip(shown, others[1:], strict=True):
        done = ProgressBar(total=1.0, completed=row.share, width=bar) if width >= MEDIUM else share
        table.add_row(without_middle(row.name.rpartition(SEED)[0] or row.name, max(8, room)), seed, done, *rest)
    return table


def cells(row: RunningTrial, words: Words, width: int) -> list[str]:
    """Seed, share, epoch, value and time left of a row; the share is drawn as a bar where there is room."""
    seed = row.name.rpartition(SEED)[2] if SEED in row.name else ""
    share = "" if width >= MEDIUM else f"{row.share:.0%}"
    whole = row.values if width >= WIDE else {}  # in a narrow terminal, only labels stay as they are
    shown = {name if name in words.labels else name.rpartition("/")[2]: value for name, value in row.values.items()}
    return [seed, share, str(row.epoch), values(whole or shown, most=1, words=words), remaining(row)]


def counts(progress: LaunchProgress) -> str:
    waiting = len(progress.waiting) + progress.to_propose
    seconds = progress.seconds_left
    left = f", about {span(seconds)} left" if seconds is not None and seconds > 0 else ""
    if progress.budget_left is not None:
        given = progress.plan.study.budget if progress.plan is not None else None
        of = f" of {given.device_hours:g}" if given is not None else ""
        left += f", {max(0.0, progress.budget_left) / 3600:.2g}{of} device-hours left"
    return (
        f"{progress.finished} of {progress.total} finished, {len(progress.running)} running, {waiting} waiting,"
        f" {progress.failed} failed{left}"
    )


def remaining(row: RunningTrial) -> str:
    if row.activity is Activity.SCORING:
        return "scoring"
    return span(row.seconds_left) if row.seconds_left is not None else ""

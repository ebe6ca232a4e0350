"""What the terminal shows of a launch, and that whatever is named or goes wrong can be shown."""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate import view
from ablate.catalog import Entry
from ablate.cluster.messages import Message
from ablate.cluster.resources import Node
from ablate.doctor import Finding
from ablate.driver.board import Board
from ablate.driver.plan import Plan
from ablate.driver.status import Status
from ablate.driver.summary import Summary
from ablate.options import Value
from ablate.paths import Store
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.trial import Config, Trial

STUDY = """\
question: Does [/it] matter?
method: invariant
dataset: digits
axes: {method.epsilon: [0.4, 0.8]}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""


def trial(seed: int, level: Value = 0.4) -> Trial:
    return Trial(Config("invariant", "1", {}, "digits", "1", {}, seed), {}, "small", {"method.epsilon": level})


def progress(one: Trial, share: float, epoch: int, doing: str = "training", **values: float) -> Message:
    said = {f"train/{name}": value for name, value in values.items()}
    return Message("progress", {"keys": [one.key], "epoch": epoch, "share": share, "values": said, "doing": doing})


def outcome(one: Trial, status: str = "FINISHED", reason: str = "", accuracy: float = 0.5) -> Message:
    metrics = {"linear/accuracy": accuracy}
    return Message("outcome", {"key": one.key, "status": status, "reason": reason, "metrics": metrics})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "small.yaml").write_text(STUDY)
    return read_study(tmp_path / "small.yaml")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """All that went to the terminal since the last look, to either stream."""
    paper = io.StringIO()
    for name in ("console", "aside"):
        monkeypatch.setattr(view, name, view.verbatim(file=paper, width=120, soft_wrap=name == "console"))

    def look() -> str:
        text = paper.getvalue()
        paper.seek(0)
        paper.truncate()
        return text

    return look


Look = Callable[[], str]


def drawn(board: Board) -> str:
    paper = view.verbatim(record=True, width=120, file=io.StringIO())
    paper.print(view.picture(board))
    return paper.export_text()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (600, "10 min"),
        (5369, "89 min"),
        (5400, "1 h 30 min"),
        (12000, "3 h 20 min"),
        (100_000, "27 h 47 min"),
    ],
)
def test_time_is_told_in_words(seconds: float, words: str) -> None:
    assert view.span(seconds) == words


def test_the_live_picture_names_what_runs_how_far_and_how_long(clock: list[float]) -> None:
    trials = [trial(seed) for seed in range(4)]
    board = Board(trials, finished=3, failed=1)
    board.hear(Message("ready", {"slots": 2, "nodes": 1}))
    board.hear(progress(trials[0], 0.0, 0))
    board.hear(progress(trials[1], 0.0, 0))
    clock[0] += 60
    board.hear(progress(trials[0], 0.25, 5, loss=0.123456))
    board.hear(progress(trials[1], 1.0, 0, "scoring"))
    board.hear(outcome(trials[2]))
    lines = drawn(board).splitlines()
    (first,) = (line for line in lines if "epsilon=0.4 · seed 0" in line)
    assert all(words in first for words in ("━", " 5 ", "train/loss 0.1235", "3 min"))
    (second,) = (line for line in lines if "epsilon=0.4 · seed 1" in line)
    assert second.rstrip().endswith("scoring")
    # 2.25 trials in 60 s, 1.75 to go
    assert lines[-1].rstrip() == "4 of 8 finished, 2 running, 1 waiting, 1 failed, about 47 s left"


def test_more_trials_than_fit_are_counted(clock: list[float]) -> None:
    trials = [trial(seed) for seed in range(40)]
    board = Board(trials, finished=0, failed=0)
    for one in trials[:30]:
        board.hear(progress(one, 0.5, 1))
    text = drawn(board)
    assert sum("epsilon=0.4" in line for line in text.splitlines()) == view.SHOWN
    assert "0 of 40 finished, 30 running, 10 waiting, 0 failed" in text


def test_an_empty_board_is_drawn() -> None:
    assert "0 of 0 finished, 0 running, 0 waiting, 0 failed" in drawn(Board([], finished=0, failed=0))


def test_proposals_to_come_wait(clock: list[float]) -> None:
    assert view.counts(Board([], 0, 0, proposals=8)) == "0 of 8 finished, 0 running, 8 waiting, 0 failed"


def test_every_event_has_its_line() -> None:
    one = trial(0)
    board = Board([one], finished=0, failed=0)
    said = {
        "2 side by side on 1 node": Message("ready", {"slots": 2, "nodes": 1}),
        "8 side by side on 2 nodes": Message("ready", {"slots": 8, "nodes": 2}),
        "Ray has died; starting it again": Message("died"),
        "stopping: trials write their checkpoints; Ctrl-C again ends everything at once": Message("stopping"),
        "finished  epsilon=0.4 · seed 0  linear/accuracy 0.9123": outcome(one, accuracy=0.91234),
        "failed    epsilon=0.4 · seed 0  loss is not finite": outcome(one, "FAILED", "loss is not finite"),
    }
    for line, message in said.items():
        assert list(view.news(board, message)) == [line]
    for message in (Message("alive"), outcome(one, "STOPPED"), Message("over")):
        assert list(view.news(board, message)) == []


NASTY = "RuntimeError: shape [4, 4] of [/tmp/x] is no :smile: [bold]"


def test_where_there_is_no_terminal_lines_tell_and_now_and_then_count(
    study: Study, tmp_path: Path, shown: Look, clock: list[float]
) -> None:
    one = trial(0, "[/red]")
    board = Board([one], finished=0, failed=0)
    with view.watching(study, Store(tmp_path), quiet=False) as listen:
        assert shown().splitlines() == [
            "small  Does [/it] matter?",
            f"Ray's and MLflow's own words go to {tmp_path}/studies/small/launch.log",
        ]
        listen(board, Message("alive"))
        assert shown() == ""
        listen(board, outcome(one, "FAILED", NASTY))
        assert shown() == f"failed    epsilon=[/red] · seed 0  {NASTY}\n"
        clock[0] += view.LINE_EVERY
        listen(board, Message("alive"))
        listen(board, Message("alive"))
        assert shown() == "0 of 1 finished, 0 running, 1 waiting, 0 failed\n"


def test_in_a_terminal_the_picture_is_live(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = io.StringIO()
    terminal = view.verbatim(file=paper, force_terminal=True, width=120)
    monkeypatch.setattr(view, "aside", terminal)
    one = trial(0, "[/red]")
    board = Board([one], finished=0, failed=0)
    with view.watching(study, Store(tmp_path), quiet=False) as listen:
        board.hear(progress(one, 0.5, 3))
        listen(board, Message("alive"))
        board.hear(outcome(one, "FAILED", NASTY))
        listen(board, outcome(one, "FAILED", NASTY))
    assert "epsilon=[/red] · seed 0" in paper.getvalue()
    assert NASTY in paper.getvalue()


def test_a_quiet_watch_draws_nothing_live(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "aside", view.verbatim(file=io.StringIO(), force_terminal=True))
    with view.watching(study, Store(tmp_path), quiet=True) as listen:
        assert isinstance(listen, view.Lines)


def test_a_summary_says_what_to_do_next(study: Study, shown: Look, tmp_path: Path) -> None:
    failed = {"epsilon=[/b] · seed 1": NASTY}
    summary = Summary(4, 3, failed, tmp_path / "launch.log", ran=2, undelivered=1, report=tmp_path / "report.md")
    view.print_summary(summary, study, as_json=False)
    assert shown().splitlines() == [
        "3 of 4 trials finished, 2 of them in this launch",
        f"failed: epsilon=[/b] · seed 1: {NASTY}",
        "read why: ablate logs 'epsilon=[/b] · seed 1'; run again: ablate retry small",
        "records of 1 trials wait for MLflow: ablate sync small",
        f"report:   {tmp_path}/report.md",
        "compare:  ablate ui",
    ]


def test_a_summary_without_trials_is_short(study: Study, shown: Look, tmp_path: Path) -> None:
    view.print_summary(Summary(0, 0, {}, tmp_path / "launch.log"), study, as_json=False)
    assert shown().splitlines() == ["0 of 0 trials finished, 0 of them in this launch", "compare:  ablate ui"]


def test_a_summary_is_json(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    view.print_summary(Summary(2, 1, {"a": "b"}, tmp_path / "launch.log", ran=2), study, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["total"], told["finished"], told["failed"], told["report"]) == (2, 1, {"a": "b"}, "")


def plan(**facts: Any) -> Plan:
    known: dict[str, Any] = {
        "study": "small",
        "trials": 0,
        "finished": 0,
        "rescore": 0,
        "failed": 0,
        "to_run": (),
        "packs": 0,
        "slots": 2,
        "node": Node("this machine", 2, 0),
        "seconds": None,
    }
    return Plan(**{**known, **facts})


def test_a_plan_without_trials_is_shown(shown: Look) -> None:
    view.print_plan(plan(), as_json=False)
    assert shown().splitlines() == [
        "small: 0 trials, 0 finished, 0 failed",
        "0 to run, in 0 packs, 2 side by side",
        "on this machine: 2 cores, 0 GPUs",
    ]


def test_a_plan_names_the_first_trials_and_counts_the_others(shown: Look) -> None:
    names = tuple(f"a=[/{number}]" for number in range(20))
    view.print_plan(plan(trials=30, finished=4, rescore=2, to_run=names, packs=26, seconds=125.0), as_json=False)
    lines = shown().splitlines()
    assert lines[:5] == [
        "small: 30 trials, 4 finished, 0 failed",
        "2 are trained and get new scores",
        "20 to run and up to 6 that a search proposes, in 26 packs, 2 side by side",
        "on this machine: 2 cores, 0 GPUs",
        "about 2 min, judging by the finished ones",
    ]
    assert lines[5:] == [*(f"  a=[/{number}]" for number in range(16)), "  and 4 more"]


def test_a_plan_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    view.print_plan(plan(to_run=("a",)), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["to_run"], told["node"]["cpus"]) == (["a"], 2)


def test_a_status_tells_counts_and_trials(shown: Look) -> None:
    view.print_status([], as_json=False)
    assert shown() == "no study was launched here\n"
    trials = (
        {"key": "k", "name": "epsilon=1 · seed 0", "status": "FAILED", "reason": NASTY, "metrics": {}},
        {
            "key": "l",
            "name": "epsilon=1 · seed 1",
            "status": "FINISHED",
            "reason": "",
            "metrics": {"train/loss": 1.0, "linear/accuracy": 0.5},
        },
    )
    statuses = [Status("empty", {}), Status("small", {"FINISHED": 1, "FAILED": 1}, "process 1", 2, trials)]
    view.print_status(statuses, as_json=False)
    assert shown().splitlines() == [
        "empty: nothing yet",
        "small: 1 failed, 1 finished",
        "  launched by process 1",
        f"  k  failed    epsilon=1 · seed 0  {NASTY}",
        "  l  finished  epsilon=1 · seed 1  linear/accuracy 0.5",
    ]


def test_findings_and_entries_show_what_they_hold(shown: Look) -> None:
    view.print_findings([Finding("store", True, "[/here]"), Finding("MLflow", False, NASTY, "start it")], as_json=False)
    assert shown().splitlines() == ["ok    store        [/here]", f"look  MLflow       {NASTY}", "      start it"]
    entry = Entry("invariant", NASTY, "arXiv [/1]", (), {"by data set": {"digits": "[/x]"}, "files": []})
    view.print_entries([entry], as_json=False)
    assert NASTY in shown()
    view.print_entry(entry, as_json=False)
    assert shown().splitlines() == [
        f"invariant  {NASTY}",
        "arXiv [/1]",
        "by data set:",
        "  digits: [/x]",
        "files: []",
    ]

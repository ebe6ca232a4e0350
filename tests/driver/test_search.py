"""The search of the folder `studies`, with its quick profile: a killed launch is continued."""

import csv
import signal
import statistics
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from ablate.search.journal import open_journal, proposed_trials
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.trial import Trial

from .conftest import WorkingDirectory, parsed

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FILE = Path(__file__).parents[2] / "studies" / "search.yaml"
PROPOSALS, SEEDS = 5, (0, 1)
BRIEF = ("training.epochs=2", f"search.trials={PROPOSALS}")  # of 5 epochs and 8 proposals
QUICK = (str(FILE), "--profile", "quick", *(word for override in BRIEF for word in ("--set", override)))
TRIALS = PROPOSALS * len(SEEDS)


def read() -> Study:
    return read_study(FILE, "quick", BRIEF)


def stored_proposals(directory: WorkingDirectory) -> list[FrozenTrial]:
    return open_journal(read(), directory.store.study("search").search).trials


def proposals(directory: WorkingDirectory) -> list[tuple[Trial, ...]]:
    """The trials of every proposal, one for each seed."""
    trials = proposed_trials(read(), directory.store.study("search").search)
    return [trials[at : at + len(SEEDS)] for at in range(0, len(trials), len(SEEDS))]


def assert_complete(directory: WorkingDirectory) -> None:
    """All settings differ, each is reported to Optuna as the mean over its seeds, and all runs are finished."""
    records, stored = directory.records("search"), stored_proposals(directory)
    assert [frozen.state for frozen in stored] == [TrialState.COMPLETE] * PROPOSALS
    assert len({tuple(frozen.params.values()) for frozen in stored}) == PROPOSALS
    for frozen, trials in zip(stored, proposals(directory), strict=True):
        assert tuple(trial.config.seed for trial in trials) == SEEDS
        assert frozen.value == statistics.fmean(records[trial.key].metrics["linear/accuracy"] for trial in trials)
    assert len(records) == TRIALS
    assert directory.statuses("search") == ["FINISHED"] * (1 + PROPOSALS + TRIALS)


def assert_reported(directory: WorkingDirectory) -> None:
    """All variants are in the table, and the first row of the report is the best."""
    folder = directory.store.study("search").report
    variants = list(csv.DictReader((folder / "variants.csv").read_text().splitlines()))
    assert len(variants) == PROPOSALS
    assert all(0.1 < float(variant["mean"]) <= 1 for variant in variants)
    best = max(stored_proposals(directory), key=lambda frozen: frozen.value or 0.0).params
    report = (folder / "report.md").read_text()
    assert report.startswith("# search\n")
    rows = [line for line in report.splitlines() if line.startswith(("| 0.", "| 1.", "| 2.", "| 3."))]
    levels = (f"{best[path]:.6g}" for path in ("method.epsilon", "method.k", "training.learning_rate"))
    assert rows[0].startswith(f"| {' | '.join(levels)} |")


def test_a_search_whose_driver_is_killed_is_continued_and_runs_nothing_once_it_is_complete(
    directory: WorkingDirectory,
) -> None:
    killed = directory.start("launch", *QUICK)
    killed.until_printed(r"(?s)finished .*finished .*finished ")
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    before = [frozen.params for frozen in stored_proposals(directory)]
    launched = directory.run("launch", *QUICK)
    assert launched.code == 0, launched.text
    assert f"{TRIALS} of {TRIALS} trials finished" in launched.text
    assert_complete(directory)
    assert [frozen.params for frozen in stored_proposals(directory)][: len(before)] == before
    assert_reported(directory)
    again = directory.run("launch", *QUICK, "--json")
    assert (again.code, '"ran": 0' in again.text, f'"finished": {TRIALS}' in again.text) == (0, True, True)
    assert not (directory.store.mlflow / "server.json").exists()
    plan = parsed(directory.run("plan", *QUICK, "--json"))
    assert (plan["finished"], plan["trials"], plan["to_run"], plan["packs"]) == (TRIALS, TRIALS, [], 0)

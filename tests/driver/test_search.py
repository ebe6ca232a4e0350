"""The search of the folder `studies`, with its quick profile and a pruner: whatever is killed, it is continued.

The conductor, a worker and the driver are killed one after the other while proposals are on their way to a rung.
"""

import csv
import json
import re
import signal
import statistics
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState

from ablate.events import State
from ablate.record import TrialRecord
from ablate.search.journal import open_journal, proposed_trials
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.trial import Trial

from .conftest import Command, WorkingDirectory, parsed

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FILE = Path(__file__).parents[2] / "studies" / "search.yaml"
PROPOSALS, SEEDS, RUNGS = 8, (0, 1), {1, 2}
PRUNER = "search.pruner={kind: asha, metric: train/loss, reduction_factor: 2}"
BRIEF = ("training.epochs=3", f"search.trials={PROPOSALS}", "search.confirm=null", "probes=[linear]", PRUNER)
QUICK = (str(FILE), "--profile", "quick", *(word for override in BRIEF for word in ("--set", override)))
TRIALS = PROPOSALS * len(SEEDS)
Curves = dict[str, list[tuple[int, float]]]  # metric → points


def read() -> Study:
    return read_study(FILE, "quick", BRIEF)


def stored_proposals(directory: WorkingDirectory) -> list[FrozenTrial]:
    return open_journal(read(), directory.store.study("search").search).trials


def proposals(directory: WorkingDirectory) -> list[tuple[Trial, ...]]:
    """The trials of every proposal, one for each seed."""
    trials = proposed_trials(read(), directory.store.study("search").search)
    return [trials[at : at + len(SEEDS)] for at in range(0, len(trials), len(SEEDS))]


def assert_complete(directory: WorkingDirectory) -> None:
    """Each proposal has other settings and one end in Optuna; each epoch is recorded once; no run has state RUNNING."""
    records, stored, curves = directory.records("search"), stored_proposals(directory), directory.histories("search")
    assert {frozen.state for frozen in stored} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert TrialState.COMPLETE in {frozen.state for frozen in stored}
    assert len(stored) == len({tuple(frozen.params.values()) for frozen in stored}) == PROPOSALS
    for frozen, trials in zip(stored, proposals(directory), strict=True):
        assert tuple(trial.config.seed for trial in trials) == SEEDS
        assert_told(frozen, [records[trial.key] for trial in trials], [curves[trial.name] for trial in trials])
    assert len(records) == TRIALS
    assert "RUNNING" not in directory.statuses("search")
    for found in curves.values():
        epochs = [epoch for epoch, _ in found["train/loss"]]
        assert epochs == list(range(1, len(epochs) + 1))


def assert_told(frozen: FrozenTrial, records: list[TrialRecord], curves: list[Curves]) -> None:
    """A proposal's rungs are the means of its seeds' curves there, and it ended with its scores, or with the last."""
    losses = [dict(found["train/loss"]) for found in curves]
    assert frozen.intermediate_values.keys() <= RUNGS
    for epoch, value in frozen.intermediate_values.items():
        assert value == -statistics.fmean(loss[epoch] for loss in losses)  # it is minimized, and the accuracy maximized
    if frozen.state is TrialState.PRUNED:
        assert {record.state for record in records} <= {State.PRUNED, State.FINISHED}
        assert frozen.value == frozen.intermediate_values[max(frozen.intermediate_values)]
    else:
        assert {record.state for record in records} == {State.FINISHED}
        assert frozen.value == statistics.fmean(record.metrics["linear/accuracy"] for record in records)


def assert_reported(directory: WorkingDirectory) -> None:
    """All variants are in the table, and the first row of the report is the best."""
    folder = directory.store.study("search").report
    variants = list(csv.DictReader((folder / "variants.csv").read_text().splitlines()))
    assert len(variants) == PROPOSALS
    assert all(0.1 < float(variant["mean"]) <= 1 for variant in variants if variant["mean"])
    complete = [one for one in stored_proposals(directory) if one.state is TrialState.COMPLETE]
    best = max(complete, key=lambda frozen: frozen.value or 0.0).params
    report = (folder / "report.md").read_text()
    assert report.startswith("# search\n")
    rows = [line for line in report.splitlines() if line.startswith(("| 0.", "| 1.", "| 2.", "| 3."))]
    levels = (f"{best[path]:.6g}" for path in ("method.epsilon", "method.k", "training.learning_rate"))
    assert rows[0].startswith(f"| {' | '.join(levels)} |")


def ends(command: Command) -> int:
    """How many trials have ended, as far as the command has printed it."""
    return len(re.findall(r"\d  (finished|pruned) ", command.text))


def test_a_search_whose_conductor_worker_and_driver_are_killed_ends_with_every_proposal_once(
    directory: WorkingDirectory,
) -> None:
    killed = directory.start("launch", *QUICK)
    killed.until(lambda: ends(killed) > 0, "the first end of a trial")
    killed.descendants("ablate.cluster.conductor")[0].kill()
    killed.until_printed("Ray has died; starting it again")
    before = ends(killed)
    killed.until(lambda: ends(killed) > before, "another end")
    worker = killed.until(lambda: killed.descendants("Trainable.train"), "a worker")[0]
    with suppress(psutil.NoSuchProcess):
        worker.kill()
    before = ends(killed)
    killed.until(lambda: ends(killed) > before, "another end")
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    (status,) = parsed(directory.run("status", "search", "--json"))
    assert sum(status["counts"].values()) == TRIALS  # also of those that were proposed since the plan was saved
    proposed = [frozen.params for frozen in stored_proposals(directory)]

    launched = directory.run("launch", *QUICK)
    assert launched.code == 0, launched.text
    assert re.search(rf"\d+ of {TRIALS} trials finished", launched.text)
    assert_complete(directory)
    assert [frozen.params for frozen in stored_proposals(directory)][: len(proposed)] == proposed
    assert_reported(directory)
    printed = directory.run("launch", *QUICK, "--json").text
    again = json.loads(printed[printed.index("{") :])  # after lines of standard error
    assert (again["ran"], again["total"], again["finished"] + again["pruned"]) == (0, TRIALS, TRIALS)
    assert not (directory.store.mlflow / "server.json").exists()
    plan = parsed(directory.run("plan", *QUICK, "--json"))
    assert (plan["finished"], plan["trials"], plan["to_run"], plan["packs"]) == (again["finished"], TRIALS, [], 0)
    (status,) = parsed(directory.run("status", "search", "--json"))
    assert status["counts"] == {
        "finished": again["finished"],
        **({"pruned": again["pruned"]} if again["pruned"] else {}),
    }

"""The search that comes with the project, on its quick profile: each proposal over all seeds, told once, never lost."""

import csv
import signal
import statistics
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from ablate.search.proposals import open_memory, proposed
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.trial import Trial

from .conftest import Field, answer

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FILE = Path(__file__).parents[2] / "studies" / "search.yaml"
BRIEF = "training.epochs=2"  # of 5
QUICK = (str(FILE), "--profile", "quick", "--set", BRIEF)
PROPOSALS, SEEDS = 8, (0, 1)
TRIALS = PROPOSALS * len(SEEDS)


def read() -> Study:
    return read_study(FILE, "quick", (BRIEF,))


def memory(field: Field) -> list[FrozenTrial]:
    return open_memory(read(), field.store.study("search").search).trials


def proposals(field: Field) -> list[tuple[Trial, ...]]:
    """The seeds of every proposal."""
    trials = proposed(read(), field.store.study("search").search)
    return [trials[at : at + len(SEEDS)] for at in range(0, len(trials), len(SEEDS))]


def assert_whole(field: Field) -> None:
    """No setting twice, each told as the mean of its seeds; and nothing is left open anywhere."""
    known, told = field.known("search"), memory(field)
    assert [frozen.state for frozen in told] == [TrialState.COMPLETE] * PROPOSALS
    assert len({tuple(frozen.params.values()) for frozen in told}) == PROPOSALS
    for frozen, trials in zip(told, proposals(field), strict=True):
        assert tuple(trial.config.seed for trial in trials) == SEEDS
        assert frozen.value == statistics.fmean(known[trial.key].metrics["linear/accuracy"] for trial in trials)
    assert len(known) == TRIALS
    assert field.statuses("search") == ["FINISHED"] * (1 + PROPOSALS + TRIALS)


def assert_reported(field: Field) -> None:
    """All variants are in the table, and the report begins with the best."""
    folder = field.store.study("search").report
    variants = list(csv.DictReader((folder / "variants.csv").read_text().splitlines()))
    assert len(variants) == PROPOSALS
    assert all(0.1 < float(variant["mean"]) <= 1 for variant in variants)
    best = max(memory(field), key=lambda frozen: frozen.value or 0.0).params
    report = (folder / "report.md").read_text()
    assert report.startswith("# search\n")
    rows = [line for line in report.splitlines() if line.startswith(("| 0.", "| 1.", "| 2.", "| 3."))]
    levels = (f"{best[path]:.6g}" for path in ("method.epsilon", "method.k", "training.learning_rate"))
    assert rows[0].startswith(f"| {' | '.join(levels)} |")


def test_a_search_whose_driver_is_killed_goes_on_and_costs_nothing_once_it_is_done(field_of_study: Field) -> None:
    broken = field_of_study.start("launch", *QUICK)
    broken.until_says(r"(?s)finished .*finished .*finished ")
    broken.process.send_signal(signal.SIGKILL)
    broken.process.wait()
    before = [frozen.params for frozen in memory(field_of_study)]
    launched = field_of_study.run("launch", *QUICK)
    assert launched.code == 0, launched.text
    assert f"{TRIALS} of {TRIALS} trials finished" in launched.text
    assert_whole(field_of_study)
    assert [frozen.params for frozen in memory(field_of_study)][: len(before)] == before
    assert_reported(field_of_study)
    again = field_of_study.run("launch", *QUICK, "--json")
    told = again.text
    assert (again.code, '"ran": 0' in told, f'"finished": {TRIALS}' in told) == (0, True, True)
    assert not (field_of_study.store.mlflow / "server.json").exists()
    plan = answer(field_of_study.run("plan", *QUICK, "--json"))
    assert (plan["finished"], plan["trials"], plan["to_run"], plan["packs"]) == (TRIALS, TRIALS, [], 0)

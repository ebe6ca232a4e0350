"""A search from the command line: each proposal over all seeds, told once, and never lost."""

import signal
import statistics

import pytest
from optuna.trial import FrozenTrial, TrialState

from ablate.cluster.proposals import open_memory, proposed
from ablate.spec.read import read_study
from ablate.spec.study import Study
from ablate.spec.trial import Job

from .conftest import Field, answer

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SEARCH = """
question: Which radius and learning rate go together?
method: invariant
dataset: digits
design: search
search:
  sampler: tpe
  trials: 4
  objectives: {linear/accuracy: maximize}
  space:
    method.epsilon: {low: 0.1, high: 4, log: true}
    training.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}
fixed: {training.epochs: 1, training.batch_size: 256, method.k: 10, probes.linear.epochs: 5}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""


def read(field: Field) -> Study:
    return read_study(field.folder / "studies" / "radius.yaml")


def memory(field: Field) -> list[FrozenTrial]:
    return open_memory(read(field), field.store.study("radius").search).trials


def proposals(field: Field) -> list[tuple[Job, ...]]:
    """The seeds of every proposal."""
    jobs = proposed(read(field), field.store.study("radius").search)
    return [jobs[at : at + 2] for at in range(0, len(jobs), 2)]


def assert_whole(field: Field) -> None:
    """Four settings, none twice, each told as the mean of its seeds; and nothing is left open anywhere."""
    known, told = field.known("radius"), memory(field)
    assert [trial.state for trial in told] == [TrialState.COMPLETE] * 4
    assert len({tuple(trial.params.values()) for trial in told}) == 4
    for trial, jobs in zip(told, proposals(field), strict=True):
        assert [job.trial.seed for job in jobs] == [0, 1]
        assert trial.value == statistics.fmean(known[job.key].metrics["linear/accuracy"] for job in jobs)
    assert len(known) == 8
    assert field.statuses("radius") == ["FINISHED"] * (1 + 4 + 8)


def test_a_search_whose_driver_is_killed_goes_on_and_costs_nothing_once_it_is_done(field_of_study: Field) -> None:
    field_of_study.write("radius", SEARCH)
    broken = field_of_study.start("launch", "radius")
    broken.until_says(r"(?s)finished .*finished .*finished ")
    broken.process.send_signal(signal.SIGKILL)
    broken.process.wait()
    before = [trial.params for trial in memory(field_of_study)]
    launched = field_of_study.run("launch", "radius")
    assert launched.code == 0, launched.text
    assert "8 of 8 trials finished" in launched.text
    assert_whole(field_of_study)
    assert [trial.params for trial in memory(field_of_study)][: len(before)] == before
    best = max(memory(field_of_study), key=lambda trial: trial.value or 0.0)
    report = (field_of_study.store.study("radius").report / "report.md").read_text()
    table = [line for line in report.splitlines() if line.startswith("| 0.") or line.startswith("| 1.")]
    assert table[0].startswith(f"| {best.params['method.epsilon']:.6g} | {best.params['training.learning_rate']:.6g} |")
    again = field_of_study.run("launch", "radius", "--json")
    told = again.text
    assert (again.code, '"ran": 0' in told, '"finished": 8' in told) == (0, True, True)
    assert not (field_of_study.store.mlflow / "server.json").exists()
    plan = answer(field_of_study.run("plan", "radius", "--json"))
    assert (plan["finished"], plan["trials"], plan["to_run"], plan["packs"]) == (8, 8, [], 0)

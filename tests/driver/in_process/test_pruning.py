"""Launches that stop variants early: the driver, the conductor and a worker killed in the middle of a rung."""

from collections.abc import Callable

import pytest
from optuna.trial import TrialState

from ablate.driver.progress import LaunchProgress
from ablate.errors import Interrupted
from ablate.events import Ended, EpochValues, Message, Paused, State
from ablate.reporting.content import report_of
from ablate.search.journal import open_journal
from ablate.stats.results import Result, results_of
from ablate.track.store import Curve

from .launches import EPOCHS, SEARCH, STUDY, Curves, Launches

pytestmark = pytest.mark.slow

PRUNER = "pruner={kind: asha, metric: train/loss, reduction_factor: 2, promote: PROMOTE}"
GRID = ("axes.method.epsilon=[0.4, 0.8, 1.6]", "baseline.method.epsilon=0.4")
INTERIM = "search.pruner={kind: asha, metric: knn/accuracy, probe_every: 2, probe_options: {neighbors: 3}}"


class Killed(Exception):
    """Ends a launch as a kill does: nothing after it runs, and what was recorded stays."""


def killed_at(moment: int) -> Callable[[LaunchProgress, Message], None]:
    seen: list[Message] = []

    def listen(progress: LaunchProgress, message: Message) -> None:
        seen.extend([message] if isinstance(message, EpochValues | Paused | Ended) else [])
        if len(seen) == moment:
            seen.append(message)
            raise Killed

    return listen


def losses(launches: Launches) -> dict[str, Curve]:
    return {name: curves["train/loss"] for name, curves in launches.curves.items()}


@pytest.mark.parametrize("promote", ["false", "true"])
def test_a_grid_that_is_killed_and_stopped_in_its_rungs_ends_as_one_that_is_not(
    launches: Launches, whole_curves: Curves, promote: str
) -> None:
    pruner = PRUNER.replace("PROMOTE", promote)
    whole = Launches(launches.folder / "whole")
    whole.folder.mkdir()
    summary = whole.launch(whole.read(STUDY, *GRID, pruner))
    assert (summary.total, summary.finished + summary.pruned, summary.failed) == (6, 6, {})
    by_variant = {name.partition(" ·")[0]: state for name, state in whole.states.items()}
    assert {name: by_variant[name.partition(" ·")[0]] for name in whole.states} == whole.states  # seeds end alike
    assert by_variant["epsilon=0.4"] is State.FINISHED  # the baseline
    assert State.PRUNED in by_variant.values()
    for name, curve in losses(whole).items():  # a trial that was paused goes on as one that was not
        assert len(curve) == EPOCHS or whole.states[name] is State.PRUNED
        assert curve == whole_curves.get(name, {"train/loss": curve})["train/loss"][: len(curve)]
    study = launches.read(STUDY, *GRID, pruner)
    with pytest.raises(Killed):
        launches.launch(study, killed_at(9))

    def stop(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, Paused):
            launches.paths.stop.touch()

    with pytest.raises(Interrupted, match=r"stopped with \d of 6 trials finished"):
        launches.launch(study, stop)
    launches.launch(study)
    assert launches.states == whole.states
    assert losses(launches) == losses(whole)
    assert launches.launch(study).ran == 0
    report = report_of(study, current(launches))
    stopped = {name.partition(" ·")[0] for name, state in launches.states.items() if state is State.PRUNED}
    assert {f"epsilon={one.variant.levels['method.epsilon']}" for one in report.design.comparisons}.isdisjoint(stopped)
    assert "stopped" in report.results.table.head
    assert {gap.variant.rpartition(" ")[2] for gap in report.execution.gaps} == stopped


def current(launches: Launches) -> tuple[Result, ...]:
    records = {record.key: record for record in launches.records.values()}
    return results_of([record.trial for record in records.values() if record.trial is not None], records)


def test_a_search_tells_optuna_pruned_with_the_last_value_and_its_epoch(launches: Launches) -> None:
    study = launches.read(SEARCH, "search.trials=4", "training.epochs=4", INTERIM, "search.pruner.reduction_factor=2")
    stop = killed_at(7)
    with pytest.raises(Killed):
        launches.launch(study, stop)
    summary = launches.launch(study)
    assert (summary.total, summary.finished + summary.pruned) == (8, 8)
    stored = open_journal(study, launches.paths.search).trials
    assert len(stored) == 4
    assert {one.state for one in stored} == {TrialState.COMPLETE, TrialState.PRUNED}
    for one in stored:
        assert set(one.intermediate_values) <= {1, 2}
        if one.state is TrialState.PRUNED:
            assert one.value == one.intermediate_values[max(one.intermediate_values)]
    curves = [curves["interim/knn/accuracy"] for curves in launches.curves.values()]
    assert {epoch for curve in curves for epoch, _ in curve} == {2}
    assert launches.launch(study).ran == 0

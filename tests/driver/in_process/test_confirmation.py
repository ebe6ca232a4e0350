"""Searches whose winner and runner-up are run again with fresh seeds."""

from pathlib import Path

import pytest

from ablate.api import plan
from ablate.driver.progress import LaunchProgress
from ablate.driver.report import recorded
from ablate.driver.summary import all_trials
from ablate.errors import Interrupted
from ablate.events import Ended, Message, State
from ablate.reporting.json import to_json
from ablate.search.journal import open_journal
from ablate.study.model import Study
from ablate.trial import Trial

from .launches import SEARCH, Launches

pytestmark = pytest.mark.slow

CONFIRM = "search.confirm=3"
FRESH = [2, 3, 4]  # the search has the seeds 0 and 1


def test_a_stopped_search_confirms_its_best_two_with_seeds_that_it_has_not_used_and_nothing_runs_twice(
    launches: Launches, tmp_path: Path
) -> None:
    study = launches.read(SEARCH, CONFIRM)
    planned = plan(study, store=tmp_path / "store")
    assert (planned.total, planned.proposals, len(planned.trials)) == (12, 12, 0)
    ended: list[str] = []

    def stop_while_confirming(progress: LaunchProgress, message: Message) -> None:
        ended.extend([message.trial] if isinstance(message, Ended) and message.state is State.FINISHED else [])
        if len(ended) == 8 and not launches.paths.stop.exists():
            assert progress.total == 12
            launches.paths.stop.touch()

    with pytest.raises(Interrupted, match="stopped with 8 of 12 trials finished"):
        launches.launch(study, stop_while_confirming)
    summary = launches.launch(study, lambda _, message: ended.extend(ended_in(message)))
    assert (summary.total, summary.finished, summary.ran) == (12, 12, 4)
    assert len(ended) == len(set(ended)) == 12
    assert launches.launch(study).ran == 0
    assert launches.messages == []

    records = launches.records.values()
    means = {one.number: one.value for one in open_journal(study, launches.paths.search).trials}
    assert len(means) == 3  # Optuna is told nothing of the confirmation
    confirmed = {name.partition(" ·")[0] for name, record in launches.records.items() if record.seed in FRESH}
    by_variant: dict[str, list[float]] = {}
    for record in records:
        if record.seed < 2 and record.trial is not None:
            by_variant.setdefault(record.trial.variant_name, []).append(record.metrics["linear/accuracy"])
    ranked = sorted(by_variant, key=lambda name: -sum(by_variant[name]))
    scores = sorted((sum(by_variant[name]) for name in ranked), reverse=True)
    assert len(confirmed) == 2
    assert sorted((sum(by_variant[name]) for name in confirmed), reverse=True) == scores[:2]
    assert sorted(record.seed for record in records if record.seed > 1) == sorted(FRESH * 2)
    check_report(launches, study)


def ended_in(message: Message) -> list[str]:
    return [message.trial] if isinstance(message, Ended) and message.state is State.FINISHED else []


def check_report(launches: Launches, study: Study) -> None:
    """Both means of the winner and of the runner-up, and their difference by seed."""
    text = (launches.paths.report / "report.md").read_text(encoding="utf-8")
    assert "### Confirmation" in text
    assert "The best of 3 proposals is" in text
    assert "On 3 seeds that the search has not used, it is" in text
    assert "the winner minus it is" in text
    records = {record.key: record for record in launches.records.values()}
    trials = all_trials(study, launches.paths, records)
    assert len(trials) == 12
    found = to_json(recorded(launches.tracking, study, trials, records, launches.tracking.fetch).report())
    assert [row["settings"] for row in found["confirmation"]] == ["winner", "runner-up"]
    for row in found["confirmation"]:
        variant = [one for one in records.values() if one.trial is not None and shown(one.trial) == row["epsilon"]]
        for column, seeds in (("search", [0, 1]), ("fresh seeds", FRESH)):
            own = [one.metrics["linear/accuracy"] for one in variant if one.seed in seeds]
            assert row[f"linear/accuracy, {column}"]["n"] == len(seeds)
            assert row[f"linear/accuracy, {column}"]["mean"] == pytest.approx(sum(own) / len(own))
    assert {one["n"] for one in found["variants"]} == {2}  # the search's own means have its seeds alone


def shown(trial: Trial) -> str:
    return f"{trial.levels['method.epsilon']:.6g}"


def test_a_search_that_stops_early_confirms_what_was_trained_to_its_end(launches: Launches) -> None:
    pruner = "search.pruner={kind: asha, metric: train/loss, reduction_factor: 2, promote: true}"
    study = launches.read(SEARCH, "search.confirm=1", "search.trials=4", pruner)
    summary = launches.launch(study)
    finished = {record.variant for record in launches.records.values() if record.state is State.FINISHED}
    fresh = {record.variant for record in launches.records.values() if record.seed == 2}
    assert summary.pruned > 0
    assert fresh <= finished
    assert len(fresh) == min(2, len(finished))
    assert launches.launch(study).ran == 0

"""Ends of trials that Tune dropped are looked up in MLflow."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.cluster.rounds import lost_ends
from ablate.events import Ended, State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.planning.probe_digests import probe_digests
from ablate.track.spool import SpoolTracker
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]


@pytest.mark.slow
def test_a_dropped_end_is_found_in_mlflow_where_all_scores_are_recorded(tmp_path: Path, make_trial: MakeTrial) -> None:
    """Of four trials one has finished, one has finished without a score, one has failed and one was stopped."""
    paths = StudyPaths(tmp_path / "radius")
    trials = [make_trial(seed) for seed in range(4)]
    run_refs = {trial.key: RunRef(probes=probe_digests(trial)) for trial in trials if trial is not trials[1]}
    with SpoolTracker(paths, {}, run_refs) as tracker:
        for trial in trials:
            tracker.start(trial)
            tracker.record(trial, 1, {"linear/accuracy": 0.5})
        tracker.finish(trials[0], State.FINISHED)
        tracker.finish(trials[1], State.FINISHED)
        tracker.finish(trials[2], State.FAILED, "it diverged")
    wanted = {trial.key: probe_digests(trial) for trial in trials}
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    ends = list(lost_ends("radius", wanted, uri, paths))
    assert ends == [Ended(trials[0].key, State.FINISHED, metrics={"linear/accuracy": 0.5})]


def test_mlflow_is_not_queried_where_no_trial_was_running(tmp_path: Path) -> None:
    assert list(lost_ends("radius", {}, "http://127.0.0.1:1", StudyPaths(tmp_path))) == []

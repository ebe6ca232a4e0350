"""What the conductor learns from others than its workers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.cluster.conductor import unheard
from ablate.paths import StudyPaths
from ablate.run import probe_digests
from ablate.track.spool import RunRef, SpoolTracker
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]


@pytest.mark.slow
def test_what_ended_unheard_is_learned_from_mlflow(tmp_path: Path, make_trial: MakeTrial) -> None:
    """Of four trials one has ended, one has ended without a score, one has failed and one was stopped."""
    paths = StudyPaths(tmp_path / "radius")
    trials = [make_trial(seed) for seed in range(4)]
    run_refs = {trial.key: RunRef(probes=probe_digests(trial)) for trial in trials if trial is not trials[1]}
    with SpoolTracker(paths, run_refs=run_refs) as tracker:
        for trial in trials:
            tracker.start(trial)
            tracker.record(trial, 1, {"linear/accuracy": 0.5})
        tracker.finish(trials[0], "FINISHED")
        tracker.finish(trials[1], "FINISHED")
        tracker.finish(trials[2], "FAILED", "it diverged")
    handed = {trial.key: probe_digests(trial) for trial in trials}
    heard = list(unheard("radius", handed, f"sqlite:///{tmp_path}/mlflow.db", paths))
    assert heard == [
        {"key": trials[0].key, "status": "FINISHED", "reason": "", "metrics": {"linear/accuracy": 0.5}},
    ]


def test_nobody_asks_where_nothing_was_handed_out(tmp_path: Path) -> None:
    assert list(unheard("radius", {}, "http://127.0.0.1:1", StudyPaths(tmp_path))) == []

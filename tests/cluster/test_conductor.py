"""What the conductor learns from others than its workers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.cluster.conductor import unheard
from ablate.paths import StudyPaths
from ablate.run import probe_digests
from ablate.spec.trial import Job
from ablate.track.spool import Link, SpoolTracker

MakeJob = Callable[..., Job]


@pytest.mark.slow
def test_what_ended_unheard_is_learned_from_mlflow(tmp_path: Path, make_job: MakeJob) -> None:
    """Of four trials one has ended, one has ended without a score, one has failed and one was stopped."""
    paths = StudyPaths(tmp_path / "radius")
    jobs = [make_job(seed) for seed in range(4)]
    links = {job.key: Link(probes=probe_digests(job)) for job in jobs if job is not jobs[1]}
    with SpoolTracker(paths, links=links) as tracker:
        for job in jobs:
            tracker.start(job)
            tracker.record(job, 1, {"linear/accuracy": 0.5})
        tracker.finish(jobs[0], "FINISHED")
        tracker.finish(jobs[1], "FINISHED")
        tracker.finish(jobs[2], "FAILED", "it diverged")
    handed = {job.key: probe_digests(job) for job in jobs}
    heard = list(unheard("radius", handed, f"sqlite:///{tmp_path}/mlflow.db", paths))
    assert heard == [
        {"key": jobs[0].key, "status": "FINISHED", "reason": "", "metrics": {"linear/accuracy": 0.5}},
    ]


def test_nobody_asks_where_nothing_was_handed_out(tmp_path: Path) -> None:
    assert list(unheard("radius", {}, "http://127.0.0.1:1", StudyPaths(tmp_path))) == []

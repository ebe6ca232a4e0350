"""What is recorded of a trial's device time and of its process, beside its metrics."""

import time
from pathlib import Path

import pytest

from ablate.events import State
from ablate.launch_config import RunRef
from ablate.metering import Meter
from ablate.paths import StudyPaths
from ablate.record import ARTIFACT_MEGABYTES, DEVICE_SECONDS, EPOCH_SECONDS, SCORING_SECONDS, USAGE
from ablate.run import run_pack
from ablate.testing.pack_runs import MakeContext, slope_trial
from ablate.track.spool import SpoolTracker, history, read
from ablate.track.spool_records import SpoolMetrics
from ablate.track.usage import CPU, MACHINE_MEMORY, MEMORY, UsageSampler


def usage_of(paths: StudyPaths, key: str) -> list[tuple[int, dict[str, float]]]:
    """(Step, values by name) of every record of usage in a trial's spool."""
    records, _ = read(paths.trial(key).spool, 0)
    metrics = [record for record in records if isinstance(record, SpoolMetrics)]
    named = [
        (one.step, {name.removeprefix(USAGE): value for name, value in one.values.items() if name.startswith(USAGE)})
        for one in metrics
    ]
    return [(step, values) for step, values in named if values]


def test_a_trial_records_what_it_took_and_its_process_used(make_context: MakeContext) -> None:
    trial, context = slope_trial(), make_context()
    began = time.monotonic()
    list(run_pack([trial], context))
    took = time.monotonic() - began
    found = {name: value for _, values in usage_of(context.paths, trial.key) for name, value in values.items()}
    assert {CPU, MEMORY, MACHINE_MEMORY, DEVICE_SECONDS, EPOCH_SECONDS, SCORING_SECONDS} <= found.keys()
    assert 0 < found[EPOCH_SECONDS] < found[DEVICE_SECONDS] <= took
    assert 0 < found[SCORING_SECONDS] < found[DEVICE_SECONDS]
    assert found[MEMORY] > 50  # a process with torch
    assert 0 < found[MACHINE_MEMORY] <= 100
    encoder = context.paths.trial(trial.key).encoder.stat().st_size / 1e6
    assert found[ARTIFACT_MEGABYTES] >= encoder
    assert not [name for name in history(context.paths.trial(trial.key).spool) if name.startswith(USAGE)]


def test_trials_of_a_pack_share_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    first, second = slope_trial(seed=0), slope_trial(seed=1)
    paths = StudyPaths(tmp_path)
    with SpoolTracker(paths) as tracker:
        for trial in (first, second):
            tracker.start(trial)
        meter = Meter((first, second), tracker, gpu=False)
        now[0] = 110.0
        meter.end(first.key)  # ten seconds of the device for two trials
        now[0] = 130.0
        meter.end(second.key)  # twenty more for the one that is left
    assert [(step, values[DEVICE_SECONDS]) for step, values in usage_of(paths, first.key)] == [(5, 5.0)]
    assert [(step, values[DEVICE_SECONDS]) for step, values in usage_of(paths, second.key)] == [(25, 25.0)]


def test_device_time_adds_up_over_processes_and_not_over_the_time_between_them(tmp_path: Path) -> None:
    trial, paths = slope_trial(), StudyPaths(tmp_path)
    for since in (3.0, 4.0):
        with SpoolTracker(paths) as tracker:
            tracker.start(trial)
            tracker.record_usage(trial, {DEVICE_SECONDS: since})
            tracker.finish(trial, State.STOPPED)
    assert [values for _, values in usage_of(paths, trial.key)] == [{DEVICE_SECONDS: 3.0}, {DEVICE_SECONDS: 7.0}]
    elsewhere = StudyPaths(tmp_path / "elsewhere")  # the spool was sent and removed: MLflow knows what it held
    with SpoolTracker(elsewhere, {}, {trial.key: RunRef(device_seconds=7.0)}) as tracker:
        tracker.start(trial)
        tracker.record_usage(trial, {DEVICE_SECONDS: 2.0})
    assert usage_of(elsewhere, trial.key) == [(9, {DEVICE_SECONDS: 9.0})]


def test_samples_are_taken_in_a_thread_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with UsageSampler(gpu=False, interval=0.01) as sampler:
        until = time.monotonic() + 60
        while len(sampler.samples) < 3 and time.monotonic() < until:
            sum(range(10_000))
    samples = sampler.take()
    assert len(samples) >= 3
    assert all(sample[MEMORY] > 0 and sample[CPU] >= 0 for sample in samples)
    assert not any(name.startswith("gpu") for sample in samples for name in sample)

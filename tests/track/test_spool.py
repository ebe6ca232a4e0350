"""Writing and reading a trial's spool."""

import math
import subprocess
import sys
from collections.abc import Callable

import pytest

from ablate.events import State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.track.spool import SpoolTracker, history, last_state, read, recorded_scores
from ablate.track.spool_records import SpoolArtifact, SpoolFinish, SpoolMetrics, SpoolStart
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]

STANDARD_LIBRARY_ONLY = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "ablate"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import ablate.track.spool
"""


def test_the_spool_imports_the_standard_library_only() -> None:
    subprocess.run([sys.executable, "-c", STANDARD_LIBRARY_ONLY], check=True)


def test_records_are_read_as_they_were_written_and_in_order(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    run_ref = RunRef(parent="p", may_exist=False, probes={"linear": "d"})
    tracker = SpoolTracker(paths, {"device": "cpu"}, {trial.key: run_ref})
    tracker.start(trial)
    tracker.record(trial, 1, {"train/loss": 0.5})
    tracker.attach(trial, paths.trial(trial.key).folder / "map.csv", "maps")
    tracker.finish(trial, State.PRUNED, "worse than others")
    start, metrics, artifact, finish = read(paths.trial(trial.key).spool, 0)[0]
    assert start == SpoolStart(start.time, trial, {"device": "cpu"}, "p", "", may_exist=False, probes={"linear": "d"})
    assert metrics == SpoolMetrics(metrics.time, 1, {"train/loss": 0.5})
    assert artifact == SpoolArtifact(artifact.time, "map.csv", "maps")
    assert finish == SpoolFinish(finish.time, State.PRUNED, "worse than others", {"linear": "d"})


def test_an_epoch_is_written_once_even_after_reopening(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        tracker.record(trial, 1, {"a": 1.0})
        tracker.record(trial, 1, {"a": 9.0, "b": 2.0})
    with SpoolTracker(paths) as resumed:
        resumed.start(trial)
        resumed.record(trial, 1, {"a": 9.0, "b": 9.0})
        resumed.record(trial, 2, {"a": 3.0})
    assert history(paths.trial(trial.key).spool) == {"a": [(1, 1.0), (2, 3.0)], "b": [(1, 2.0)]}


def test_an_unfinished_line_is_cut_off_and_its_epoch_written_again(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    spool = paths.trial(trial.key).spool
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        tracker.record(trial, 1, {"a": 1.0})
        tracker.record(trial, 2, {"a": 2.0})
    spool.write_bytes(spool.read_bytes()[:-5])
    with SpoolTracker(paths) as resumed:
        resumed.start(trial)
        resumed.record(trial, 2, {"a": 2.5})
    records, end = read(spool, 0)
    assert [type(record) for record in records] == [SpoolStart, SpoolMetrics, SpoolStart, SpoolMetrics]
    assert history(spool) == {"a": [(1, 1.0), (2, 2.5)]}
    assert end == spool.stat().st_size


def test_reading_stops_before_an_unfinished_line_and_continues_there(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    spool = paths.trial(trial.key).spool
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
    _, offset = read(spool, 0)
    with spool.open("ab") as file:
        file.write(b'{"kind": "metrics", "version": 1, "time": 5,')
    assert read(spool, offset) == ([], offset)
    with spool.open("ab") as file:
        file.write(b' "step": 1, "values": {}}\n')
    assert read(spool, offset) == ([SpoolMetrics(5, 1, {})], spool.stat().st_size)


@pytest.mark.parametrize("line", [b"\xff\x00\n", b"[1]\n", b'{"kind": "metrics"}\n'])
def test_reading_ends_before_a_damaged_line(paths: StudyPaths, make_trial: MakeTrial, line: bytes) -> None:
    trial = make_trial()
    spool = paths.trial(trial.key).spool
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        with spool.open("ab") as file:
            file.write(line)
        tracker.record(trial, 1, {"a": 1.0})
    assert [type(record) for record in read(spool, 0)[0]] == [SpoolStart]


def test_a_flipped_digit_of_a_value_is_detected_and_what_follows_is_recorded_again(
    paths: StudyPaths, make_trial: MakeTrial
) -> None:
    trial = make_trial()
    files = paths.trial(trial.key)
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        for epoch in (1, 2, 3):
            tracker.record(trial, epoch, {"a": epoch + 0.25})
    altered = files.spool.read_bytes().replace(b"2.25", b"2.35")
    files.spool.write_bytes(altered)
    with SpoolTracker(paths) as resumed:
        resumed.start(trial)
        assert resumed.sync(trial) == 1  # the value of the first epoch
        for epoch in (1, 2, 3):
            resumed.record(trial, epoch, {"a": epoch + 0.25})
    assert history(files.spool) == {"a": [(1, 1.25), (2, 2.25), (3, 3.25)]}
    assert files.spool.with_name("spool.jsonl.damaged").read_bytes() == altered
    assert "line 3 of spool.jsonl is damaged; spool.jsonl is set aside as spool.jsonl.damaged" in files.log.read_text()


def test_the_spool_of_another_trial_is_set_aside(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial, other = make_trial(0), make_trial(1)
    with SpoolTracker(paths) as tracker:
        tracker.start(other)
        tracker.record(other, 1, {"a": 9.0})
        paths.trial(trial.key).folder.mkdir()
        paths.trial(other.key).spool.rename(paths.trial(trial.key).spool)
        tracker.start(trial)
        tracker.record(trial, 1, {"a": 1.0})
    assert history(paths.trial(trial.key).spool) == {"a": [(1, 1.0)]}
    assert f"is of trial {other.key}" in paths.trial(trial.key).log.read_text()


def test_scores_of_a_probe_whose_settings_have_changed_are_no_repetition(
    paths: StudyPaths, make_trial: MakeTrial
) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        for digest, value in (("d1", 0.5), ("d1", 0.6), ("d2", 0.7)):
            tracker.record(trial, 1, {"linear/accuracy": value}, "linear", digest)
    spool = paths.trial(trial.key).spool
    assert history(spool) == {"linear/accuracy": [(1, 0.7)]}
    assert recorded_scores(spool, 1, {"linear": "d1"}) == {"linear": {"linear/accuracy": 0.5}}
    assert recorded_scores(spool, 1, {"linear": "d2"}) == {"linear": {"linear/accuracy": 0.7}}
    assert recorded_scores(spool, 1, {"linear": "d3"}) == recorded_scores(spool, 2, {"linear": "d1"}) == {}


def test_nan_and_infinity_are_read_back(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        tracker.record(trial, 1, {"a": math.nan, "b": math.inf})
    values = history(paths.trial(trial.key).spool)
    assert math.isnan(values["a"][0][1])
    assert values["b"] == [(1, math.inf)]


def test_the_last_state_is_that_of_the_last_attempt(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    spool = paths.trial(trial.key).spool
    assert last_state(spool) is None
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        tracker.finish(trial, State.FAILED, "loss is not finite")
        assert last_state(spool) is State.FAILED
        tracker.start(trial)
        assert last_state(spool) is None

"""What a spool promises: whole lines, no step twice, no library."""

import math
import subprocess
import sys
from collections.abc import Callable

from ablate.paths import StudyPaths
from ablate.track.spool import RunRef, SpoolTracker, last_status, read
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]

LONELY = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "ablate"}:
            raise ImportError(name)
sys.meta_path.insert(0, Nothing())
import ablate.track.spool
"""


def test_the_spool_needs_the_standard_library_alone() -> None:
    subprocess.run([sys.executable, "-c", LONELY], check=True)


def test_a_spool_holds_what_was_said_in_order(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    tracker = SpoolTracker(
        paths, {"device": "cpu"}, {trial.key: RunRef(parent="p", known=False, probes={"linear": "d"})}
    )
    tracker.start(trial)
    tracker.record(trial, 1, {"train/loss": 0.5})
    (paths.trial(trial.key).folder / "map.csv").write_text("1,2")
    tracker.attach(trial, paths.trial(trial.key).folder / "map.csv", "maps")
    tracker.finish(trial, "FINISHED")
    records, _ = read(paths.trial(trial.key).spool, 0)
    start, metrics, artifact, finish = records
    assert Trial.from_json(start["job"]) == trial
    assert (start["parent"], start["known"], start["facts"]) == ("p", False, {"device": "cpu"})
    assert (metrics["step"], metrics["values"]) == (1, {"train/loss": 0.5})
    assert (artifact["file"], artifact["folder"]) == ("map.csv", "maps")
    assert (finish["status"], finish["probes"]) == ("FINISHED", {"linear": "d"})


def test_an_epoch_is_kept_once_even_after_reopening(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        tracker.record(trial, 1, {"a": 1.0})
        tracker.record(trial, 1, {"a": 9.0, "b": 2.0})
    with SpoolTracker(paths) as resumed:
        resumed.start(trial)
        resumed.record(trial, 1, {"a": 9.0, "b": 9.0})
        resumed.record(trial, 2, {"a": 3.0})
    records, _ = read(paths.trial(trial.key).spool, 0)
    values = [(record["step"], record["values"]) for record in records if record["kind"] == "metrics"]
    assert values == [(1, {"a": 1.0}), (1, {"b": 2.0}), (2, {"a": 3.0})]


def test_a_torn_line_is_cut_and_its_epoch_kept_again(paths: StudyPaths, make_trial: MakeTrial) -> None:
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
    assert [record["kind"] for record in records] == ["start", "metrics", "start", "metrics"]
    assert records[-1]["values"] == {"a": 2.5}
    assert end == spool.stat().st_size


def test_reading_stops_before_an_unfinished_line_and_goes_on_behind_it(
    paths: StudyPaths, make_trial: MakeTrial
) -> None:
    trial = make_trial()
    spool = paths.trial(trial.key).spool
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
    _, offset = read(spool, 0)
    with spool.open("ab") as file:
        file.write(b'{"kind": "metrics", "step": 1,')
    assert read(spool, offset) == ([], offset)
    with spool.open("ab") as file:
        file.write(b' "values": {}}\n')
    records, _ = read(spool, offset)
    assert [record["step"] for record in records] == [1]


def test_values_that_are_no_numbers_survive(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        tracker.record(trial, 1, {"a": math.nan, "b": math.inf})
    records, _ = read(paths.trial(trial.key).spool, 0)
    assert math.isnan(records[1]["values"]["a"])
    assert records[1]["values"]["b"] == math.inf


def test_the_last_status_is_that_of_the_last_attempt(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    spool = paths.trial(trial.key).spool
    assert last_status(spool) == ""
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        tracker.finish(trial, "FAILED", "loss is not finite")
        assert last_status(spool) == "FAILED"
        tracker.start(trial)
        assert last_status(spool) == ""

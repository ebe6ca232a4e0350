"""CPU seconds and memory of the report on a large study, from the embedded server's database to MLflow's artifacts.

The trials are written into MLflow's database without being trained.  Goals: a report of 2,000 trials with 100 epochs of
10 metrics in 20 s and 1 GiB, attached to the study's run included, and `ablate status` of it in 2 s.  Seconds of the
processor are those of this process and of the server, so that other load on the machine does not count.

    python benchmarks/reporting.py [--trials 2000] [--epochs 100] [--metrics 10]
"""

import argparse
import os
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from process_tree import cpu_seconds

from ablate.driver.report import write_current_report
from ablate.driver.status import statuses
from ablate.paths import Store
from ablate.planning.probe_digests import probe_digests
from ablate.planning.resolve import resolve
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.study.write import to_yaml
from ablate.track import tags
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import ensure_server
from ablate.track.spool_records import SpoolStart
from ablate.trial import Trial

STUDY = """
method: invariant
dataset: digits
axes:
  method.epsilon: [{levels}]
seeds: {seeds}
probes: [linear]
metric: linear/accuracy
"""
VARIANTS = 20
REPORT, STATUS, MEMORY = 20.0, 2.0, 1024  # goals: seconds, seconds, MiB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("trials", 2000), ("epochs", 100), ("metrics", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        store.root.mkdir()
        study = study_of(store, given.trials)
        server = ensure_server(store)
        try:
            tracking = MlflowStore(server.uri)
            fill(store, tracking, study, given.epochs, given.metrics)
            status = seconds_of(lambda: statuses(store, study.name))
            report = seconds_of(lambda: write_current_report(study, store))
            report += seconds_of(lambda: tracking.attach(study.name, store.study(study.name).report, "report"))
        finally:
            server.stop()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"status: {status:.1f} s (goal {STATUS} s)")
    print(f"report: {report:.1f} s (goal {REPORT} s), {memory} MiB (goal {MEMORY} MiB)")


def seconds_of(work: Callable[[], object]) -> float:
    began = time.process_time() + cpu_seconds()
    work()
    return time.process_time() + cpu_seconds() - began


def study_of(store: Store, trials: int) -> Study:
    file = store.root / "large.yaml"
    levels = ", ".join(str(level) for level in range(1, VARIANTS + 1))
    file.write_text(STUDY.format(levels=levels, seeds=trials // VARIANTS), encoding="utf-8")
    study = read_study(str(file))
    paths = store.study(study.name)
    paths.folder.mkdir(parents=True)
    paths.study.write_text(to_yaml(study), encoding="utf-8")
    return study


def fill(store: Store, tracking: MlflowStore, study: Study, epochs: int, metrics: int) -> None:
    """Write all trials of the study as finished, past the server, which made the database."""
    tracking.open_study(study.name, "", "", tracking.snapshot(study.name))
    experiment = int(tracking.experiments[study.name])
    names = ["linear/accuracy", *(f"train/loss{number}" for number in range(1, metrics))]
    with closing(sqlite3.connect(store.database)) as database:
        for number, trial in enumerate(resolve(study)):
            insert_trial(database, experiment, f"{number:032x}", trial)
            rows = list(points(f"{number:032x}", trial, names, epochs))
            insert(database, "metrics", ("key", "value", "timestamp", "run_uuid", "step", "is_nan"), rows)
            insert(
                database,
                "latest_metrics",
                ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
                rows[epochs - 1 :: epochs],
            )
        database.commit()


def points(run_id: str, trial: Trial, names: Sequence[str], epochs: int) -> Iterator[tuple[object, ...]]:
    """The rows of a trial's metrics, the last epoch of each last."""
    level = float(trial.levels["method.epsilon"] or 0)
    for place, name in enumerate(names):
        for epoch in range(1, epochs + 1):
            yield name, level + 1 / epoch + trial.config.seed / 100 + place, epoch, run_id, epoch, False


def insert_trial(database: sqlite3.Connection, experiment: int, run_id: str, trial: Trial) -> None:
    about = ("run_uuid", "experiment_id", "name", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri")
    insert(database, "runs", about, [(run_id, experiment, trial.name, "FINISHED", 0, 1000, "active", "")])
    start = SpoolStart(0, trial, {"git": "none", "versions": "python 3.11", "device": "cpu", "host": "here"})
    probes = {f"{tags.PROBE}{name}": digest for name, digest in probe_digests(trial).items()}
    held = {**tags.trial_tags(trial, start), **probes, tags.STATE: "finished"}
    insert(database, "tags", ("key", "value", "run_uuid"), [(*pair, run_id) for pair in held.items()])


def insert(database: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    marks = ", ".join("?" * len(columns))
    database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


if __name__ == "__main__":
    main()

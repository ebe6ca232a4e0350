"""Seconds per trial that are not training: forty trials that learn nothing, from the first trial to the last record.

Goals: at most 0.15 s per trial with two workers, and ten times less than the same trials take as a Tune function with
Ray's own MLflowLoggerCallback.  Both run in the same minutes on the same two cores with the same server; ours also
save an encoder, score it and draw pictures.  The clock starts with the first run's start as MLflow has it,
when a worker is already there, and stops when MLflow holds the last run as FINISHED.  Beside it stand the CPU seconds
per trial of all processes, Ray's and MLflow's among them, from the first finished trial to the last: other load on the
machine does not change those.

    python benchmarks/tracking.py [--trials 40] [--callback-trials 8]
"""

import argparse
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from process_tree import adopt_orphans, cpu_seconds
from serving import ABLATE, begin, environment_of, serving

from ablate.paths import Store

HERE = Path(__file__).parent
STUDY = """
method: idle
dataset: digits
fixed: {{training.epochs: 10, training.batch_size: 1024}}
axes:
  method.height: [{levels}]
seeds: 5
probes: [knn]
metric: knn/accuracy
"""
POINTS = 50  # values that a trial logs: ten epochs of five metrics
PATIENCE = 900.0  # seconds
LIMIT, FACTOR = 0.15, 10.0


def install(folder: Path) -> None:
    """Make a distribution that adds the idle method to `ablate`."""
    about = folder / "idle-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(HERE / "idle.py", folder)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: idle\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[ablate.methods]\nidle = idle:Idle\n")


def search_path(store: Store) -> str:
    """PYTHONPATH with the folder of the idle method."""
    return os.pathsep.join(filter(None, [str(store.root / "plugin"), os.environ.get("PYTHONPATH")]))


def time_launch(store: Store, uri: str, trials: int) -> tuple[float, float]:
    """Seconds and CPU seconds per trial of a launch."""
    install(store.root / "plugin")
    study = store.root / "idle.yaml"
    study.write_text(STUDY.format(levels=", ".join(map(str, range(1, trials // 5 + 1)))))
    environment = environment_of(store, uri, PYTHONPATH=search_path(store))
    return timed((*ABLATE, "launch", str(study)), environment, store, "idle", "train/loss%", trials)


def time_callback(store: Store, uri: str, trials: int) -> tuple[float, float]:
    """Seconds and CPU seconds per trial of Ray's callback."""
    command = (sys.executable, str(HERE / "callback.py"), uri, "callback", str(trials))
    return timed(command, environment_of(store, uri), store, "callback", "loss%", trials)


def timed(
    command: tuple[str, ...], environment: Mapping[str, str], store: Store, experiment: str, metrics: str, trials: int
) -> tuple[float, float]:
    """Run a command until MLflow has all records of its trials → seconds and CPU seconds per trial."""
    process = begin(command, environment, store.root / f"{experiment}.log")
    deadline = time.monotonic() + PATIENCE
    earlier, cpu = 0, cpu_seconds()
    while len(starts := finished(store, experiment, metrics)) < trials:
        if starts and not earlier:
            earlier, cpu = len(starts), cpu_seconds()
        if process.poll() not in (None, 0) or time.monotonic() > deadline:
            process.kill()
            sys.exit((store.root / f"{experiment}.log").read_text())
        time.sleep(0.1)  # MLflow sends no notice of a change
    seconds, cpu = time.time() - min(starts), cpu_seconds() - cpu
    process.wait()
    return seconds / trials, cpu / max(1, trials - earlier)


def finished(store: Store, experiment: str, metrics: str) -> list[float]:
    """When each finished run began that holds all its points; read beside the server, so as not to keep it busy."""
    database = sqlite3.connect(f"file:{store.mlflow / 'mlflow.db'}?mode=ro", uri=True)
    query = (
        "SELECT runs.start_time FROM runs JOIN experiments USING (experiment_id) JOIN metrics USING (run_uuid)"
        " WHERE experiments.name = ? AND runs.status = 'FINISHED' AND metrics.key LIKE ?"
        " GROUP BY run_uuid HAVING COUNT(*) = ?"
    )
    try:
        return [start / 1000 for (start,) in database.execute(query, (experiment, metrics, POINTS))]
    finally:
        database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40, help="of ours, a multiple of 5")
    parser.add_argument("--callback-trials", type=int, default=8)
    given = parser.parse_args()
    adopt_orphans()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with serving() as (store, uri):
        own, own_cpu = time_launch(store, uri, given.trials)
        print(f"ablate {own:.3f} s per trial (goal {LIMIT}), {own_cpu:.3f} CPU seconds", flush=True)
        callback, callback_cpu = time_callback(store, uri, given.callback_trials)
    ratio = f"{callback / own:.0f} times as long (goal {FACTOR:.0f})"
    print(f"MLflowLoggerCallback {callback:.3f} s per trial, {ratio}, {callback_cpu:.3f} CPU seconds")
    sys.exit(own > LIMIT or callback < FACTOR * own)


if __name__ == "__main__":
    main()

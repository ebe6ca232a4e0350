"""Epochs per second of `ablate launch` against the bare loop of bare.py, on the spoken digits.

Goal: at least 0.95.  Each side trains in one thread and may use the same two cores, the second for Ray, MLflow and what
uploads records.  Launches and bare runs alternate, since machines are noisy: a launch is compared with the mean
of the bare runs before and after it, and the median of these ratios counts; the ratio of the fastest epochs, which are
the least disturbed, is printed beside it.  Every epoch but the first is timed, by the timestamps of the epochs' losses
in MLflow.  The recordings are read from the folder ABLATE_DATA.

    ABLATE_DATA=... python benchmarks/training.py [--epochs 20] [--launches 5]
"""

import argparse
import os
import statistics
import subprocess
import sys
from itertools import pairwise

from bare import train
from serving import ABLATE, environment_of, serving
from torch import Tensor

from ablate.data.cache import load_data
from ablate.paths import Store
from ablate.track.client import connect
from ablate.track.mlflow_store import MlflowStore

STUDY = """
method: invariant
dataset: fsdd
fixed: {{training.epochs: {epochs}, training.batch_size: 256}}
seeds: [{seed}]
probes: [linear]
metric: linear/accuracy
"""
GOAL = 0.95


def launched(store: Store, uri: str, epochs: int, seed: int) -> list[float]:
    """Seconds of every epoch of a launch but the first."""
    study = store.root / "training.yaml"
    study.write_text(STUDY.format(epochs=epochs, seed=seed))
    log = store.root / "training.log"
    with log.open("ab") as out:
        done = subprocess.run((*ABLATE, "launch", str(study)), env=environment_of(store, uri), stdout=out, stderr=out)
    if done.returncode:
        sys.exit(log.read_text())
    (trial,) = (record for record in MlflowStore(uri).snapshot("training").records.values() if record.seed == seed)
    times = [point.timestamp / 1000 for point in connect(uri).histories([trial.run_id], "train/loss")[trial.run_id]]
    return [after - before for before, after in pairwise(sorted(times))]


def bare(inputs: Tensor, epochs: int, seed: int) -> list[float]:
    """Seconds of every epoch of the loop by hand but the first."""
    seconds, _ = train(inputs, epochs, seed=seed)
    return seconds[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--launches", type=int, default=5)
    given = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    ratios, fastest = [], []
    with serving() as (store, uri):
        data = load_data("fsdd", store.tensors)
        inputs = data.x[data.seen] * data.scale
        before = bare(inputs, given.epochs, 0)
        for seed in range(given.launches):
            ours = launched(store, uri, given.epochs, seed)
            after = bare(inputs, given.epochs, seed + 1)
            means = [statistics.fmean(seconds) for seconds in (before, after, ours)]
            ratios.append((means[0] + means[1]) / 2 / means[2])
            fastest.append(min(*before, *after) / min(ours))
            line = "bare {:.3f} and {:.3f} s per epoch, ablate {:.3f}: {:.3f}".format(*means, ratios[-1])
            print(line, flush=True)
            before = after
    ratio = statistics.median(ratios)
    print(f"ablate trains {ratio:.3f} times as many epochs per second as the bare loop (goal {GOAL})")
    print(f"by the fastest epochs of each launch and of the bare runs around it: {statistics.median(fastest):.3f}")
    sys.exit(ratio < GOAL)


if __name__ == "__main__":
    main()

"""The share of a trial's time that is spent inside its tracker, while an uploader sends the records to a real MLflow.

Goal: at most 1 %.  One trial of the invariant features on scikit-learn's digits, whose epochs are short; what is timed
is every call that `run_pack` makes to its tracker.

    python benchmarks/waiting.py [--epochs 100]
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from serving import serving

from ablate.events import Ended, State
from ablate.paths import Store
from ablate.planning.resolve import resolve
from ablate.run import run_pack
from ablate.run_context import RunContext
from ablate.study.read import read_study
from ablate.track.spool import SpoolTracker
from ablate.track.trial_lock import lock_trial
from ablate.track.uploader import Uploader
from ablate.trial import Trial

STUDY = """
method: invariant
dataset: digits
fixed: {{training.epochs: {epochs}}}
seeds: 1
probes: [linear, clustering]
metric: linear/accuracy
"""
GOAL = 0.01


class Timed(SpoolTracker):
    """A tracker that measures how long its callers wait."""

    waited = 0.0  # seconds

    @contextmanager
    def watch(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.waited += time.perf_counter() - began

    def start(self, trial: Trial) -> None:
        with self.watch():
            super().start(trial)

    def record(self, trial: Trial, epoch: int, values: Mapping[str, float], probe: str = "", digest: str = "") -> None:
        with self.watch():
            super().record(trial, epoch, values, probe, digest)

    def attach(self, trial: Trial, file: Path, folder: str = "") -> None:
        with self.watch():
            super().attach(trial, file, folder)

    def finish(
        self, trial: Trial, state: State, reason: str = "", failed_probes: Mapping[str, str] | None = None
    ) -> None:
        with self.watch():
            super().finish(trial, state, reason, failed_probes)


def make_trial(store: Store, epochs: int) -> Trial:
    file = store.root / "waiting.yaml"
    file.write_text(STUDY.format(epochs=epochs))
    (trial,) = resolve(read_study(str(file)))
    return trial


def run(trial: Trial, store: Store, uri: str) -> tuple[float, float]:
    """Run a trial → seconds inside the tracker, seconds in all."""
    paths = store.study(trial.study)
    uploader = Uploader(uri, paths)
    with Timed(paths) as tracker, lock_trial(paths.trial(trial.key)):
        uploader.watch(trial.key)
        began = time.perf_counter()
        *_, last = run_pack([trial], RunContext(paths, store.tensors, tracker, torch.device("cpu")))
        seconds = time.perf_counter() - began
    left = uploader.close(60.0)
    if not isinstance(last, Ended) or last.state is not State.FINISHED or left:
        sys.exit(f"the trial is not finished in MLflow: {last}")
    return tracker.waited, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with serving() as (store, uri):
        waited, seconds = run(make_trial(store, given.epochs), store, uri)
    print(f"{waited * 1000:.1f} ms of {seconds:.1f} s inside the tracker: {waited / seconds:.3%} (goal {GOAL:.0%})")
    sys.exit(waited > GOAL * seconds)


if __name__ == "__main__":
    main()

"""What `ablate plan` says of the cost of studies that were never run, and what their launches then take.

Three studies of different methods are planned in an empty store, so that everything is measured, and then launched.
Goal: the device-hours that are planned differ by at most 30 % from those that the trials took, and so does the time by
the clock.  The machine must be idle: other load slows one of the two down and not the other.

Measured on two idle cores: device-hours −2, −3 and −8 %, time by the clock +8, +4 and +26 % (of studies that took 72,
126 and 29 s), and planning took 8 s each.

    python benchmarks/estimates.py [--only NAME] [--scale 1.0]
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import ablate
from ablate.driver.status import records_of
from ablate.paths import Store

GOAL = 0.3
STUDIES = {  # name → study, with epochs that take about a minute for each trial on one core
    "invariant": """
method: invariant
dataset: digits
axes: {method.epsilon: [0.4, 0.8]}
fixed: {training.epochs: %d, method.k: 20}
seeds: 2
probes: [linear, clustering]
metric: linear/accuracy
""",
    "vae": """
method: vae
dataset: fsdd
axes: {method.beta: [0.5, 1]}
fixed: {training.epochs: %d}
seeds: 2
probes: [knn]
metric: knn/accuracy
""",
    "simclr": """
method: simclr
dataset: digits
axes: {training.learning_rate: [0.001, 0.003]}
fixed: {training.epochs: %d, method.network: narrow, training.batch_size: 128}
seeds: 2
probes: [linear]
metric: linear/accuracy
""",
}
EPOCHS = {"invariant": 60, "vae": 40, "simclr": 12}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=STUDIES, help="one of the studies")
    parser.add_argument("--scale", type=float, default=1.0, help="of the epochs")
    given = parser.parse_args()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    wrong = False
    for name in [given.only] if given.only else STUDIES:
        with tempfile.TemporaryDirectory() as folder:
            epochs = max(1, round(EPOCHS[name] * given.scale))
            wrong |= compare(name, STUDIES[name] % epochs, Path(folder))
    sys.exit(wrong)


def compare(name: str, text: str, folder: Path) -> bool:
    """Plan and launch a study, and print both costs; whether one of them is off by more than the goal."""
    file, store = folder / f"{name}.yaml", folder / "store"
    file.write_text(text, encoding="utf-8")
    began = time.perf_counter()
    estimate = ablate.plan(file, store=store, measure=True, say=print).estimate
    planning = time.perf_counter() - began
    assert estimate is not None, "everything was measured"
    began = time.perf_counter()
    ablate.launch(file, store=store)
    clock = time.perf_counter() - began
    device = sum(record.device_seconds or 0.0 for record in records_of(Store(store), name).values())
    missed = False
    for what, planned, took in (("device", estimate.device_seconds, device), ("clock", estimate.seconds, clock)):
        missed |= abs(planned / took - 1) > GOAL
        print(
            f"{name:10} {what:7} planned {planned:6.1f} s, took {took:6.1f} s: {planned / took - 1:+.0%} (goal ±30 %)"
        )
    print(f"{name:10} planning took {planning:.1f} s", flush=True)
    return missed


if __name__ == "__main__":
    main()

"""CPU seconds of the commands on a store with a finished study of 200 trials, each command in a process of its own.

Goals: `ablate --help` 0.4 s, `check` 1.0 s, `status`, `plan` and `logs` 1.5 s, `launch` of the finished study 3 s.  CPU
seconds do not depend on what else the machine does.  The trials learn nothing, and are made without Ray.

    python benchmarks/commands.py [--trials 200] [--runs 5] [--store FOLDER]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from process_tree import adopt_orphans, cpu_seconds
from serving import ABLATE

from ablate.driver.backends import RAY_AND_MLFLOW
from ablate.driver.launch import launch
from ablate.paths import Store
from ablate.study.read import read_study
from ablate.testing.executor import InProcessExecutor

STUDY = """
question: How long do the commands take?
method: random
dataset: digits
fixed: {{method.network: mlp, training.samples: 100}}
axes: {{method.latent_dim: [{levels}]}}
seeds: 10
probes: [knn]
metric: knn/accuracy
resources: {{gpu: 0}}
"""
GOALS = {"--help": 0.4, "check": 1.0, "plan": 1.5, "status": 1.5, "logs": 1.5, "launch": 3.0}


def make_store(file: Path, store: Store, trials: int) -> None:
    """A store that holds a finished study of so many trials."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(STUDY.format(levels=", ".join(map(str, range(1, trials // 10 + 1)))), encoding="utf-8")
    backends = replace(RAY_AND_MLFLOW, executor=lambda paths, address: InProcessExecutor(paths))
    launch(read_study(str(file)), store, backends=backends)


def cpu_of(arguments: tuple[str, ...], environment: Mapping[str, str]) -> float:
    """The CPU seconds of one command, with the processes that it starts."""
    before = cpu_seconds()
    subprocess.run((*ABLATE, *arguments), env=environment, stdout=subprocess.DEVNULL, check=True)
    return cpu_seconds() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="a multiple of 10")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--store", type=Path, help="keep the store here, and use it where it is there already")
    given = parser.parse_args()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every command compiles its modules
    adopt_orphans()
    with tempfile.TemporaryDirectory() as folder:
        store = Store((given.store or Path(folder) / "store").absolute())
        study = store.root / "commands.yaml"
        if not study.exists():
            make_store(study, store, given.trials)
        key = next(iter(sorted(path.name for path in store.study("commands").trials.iterdir())))
        words = {name: (name, str(study)) for name in GOALS}
        words |= {"--help": ("--help",), "status": ("status", "commands"), "logs": ("logs", key)}
        environment = {**os.environ, "ABLATE_STORE": str(store.root)}
        rounds = [{name: cpu_of(words[name], environment) for name in GOALS} for _ in range(given.runs)]
    medians = {name: statistics.median(took[name] for took in rounds) for name in GOALS}
    for name, median in medians.items():
        print(f"ablate {name}: {median:.2f} CPU seconds (goal {GOALS[name]})")
    sys.exit(any(median > GOALS[name] for name, median in medians.items()))


if __name__ == "__main__":
    main()

"""CPU seconds of `ablate --help` and `check`; seconds of a first launch until its first trial runs, and until its end.

Goals: 0.4 and 1.0 CPU seconds; 15 s and 60 s for the quickstart on two quiet cores.  The CPU seconds of all processes,
Ray's and MLflow's among them, are printed beside these: other load on the machine does not change CPU seconds.

    python benchmarks/startup.py
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from process_tree import adopt_orphans, cpu_seconds, cpu_seconds_of
from serving import ABLATE, begin

STUDY = Path(__file__).parent.parent / "studies" / "quickstart.yaml"
GOALS = {("--help",): 0.4, ("check", str(STUDY)): 1.0}  # CPU seconds
RUNS = 5
FIRST, WHOLE = 15.0, 60.0  # seconds
POLL = 0.05


def check_commands(environment: Mapping[str, str]) -> bool:
    """Print the median CPU seconds of the commands; whether all goals are met."""
    met = True
    for arguments, goal in GOALS.items():
        median = statistics.median(cpu_seconds_of((*ABLATE, *arguments), environment) for _ in range(RUNS))
        print(f"ablate {arguments[0]}: {median:.2f} CPU seconds (goal {goal})", flush=True)
        met &= median <= goal
    return met


def main() -> None:
    adopt_orphans()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        environment = {**os.environ, "ABLATE_STORE": str(store)}
        environment.pop("MLFLOW_TRACKING_URI", None)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else every command compiles its modules
        met = check_commands(environment)
        before = cpu_seconds()
        began = time.monotonic()
        process = begin((*ABLATE, "launch", str(STUDY)), environment, Path(folder) / "output.txt")
        first = until_first_trial(store)
        print(
            f"first trial after {first - began:.1f} s (goal {FIRST}), {cpu_seconds() - before:.1f} CPU seconds",
            flush=True,
        )
        used = until_end(process) - before
        whole = time.monotonic() - began
        if process.returncode:
            sys.exit((Path(folder) / "output.txt").read_text(encoding="utf-8"))
        print(f"quickstart {whole:.1f} s (goal {WHOLE}), {used:.1f} CPU seconds")
    sys.exit(not met or first - began > FIRST or whole > WHOLE)


def until_end(process: subprocess.Popen[bytes]) -> float:
    """The most CPU seconds that were seen until the process ended: Ray ends without those of its workers."""
    used = cpu_seconds()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL)
            return used
        used = max(used, cpu_seconds())


def until_first_trial(store: Path) -> float:
    """When the first trial had records of its own."""
    while not any(store.glob("studies/*/trials/*/spool.jsonl")):
        time.sleep(POLL)  # the trial is another process's, which does not notify
    return time.monotonic()


if __name__ == "__main__":
    main()

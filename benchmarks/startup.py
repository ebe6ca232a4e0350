"""Seconds until the first trial of a launch runs, and until the quickstart has ended, from nothing but data files.

Goals on two quiet cores: 15 s, 60 s.  The CPU seconds of all processes, Ray's and MLflow's among them, are printed
beside them: other load on the machine does not change those.

    python benchmarks/startup.py
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from process_tree import adopt_orphans, cpu_seconds
from serving import ABLATE, begin

STUDY = Path(__file__).parent.parent / "studies" / "quickstart.yaml"
FIRST, WHOLE = 15.0, 60.0  # seconds
POLL = 0.05


def main() -> None:
    adopt_orphans()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        environment = {**os.environ, "ABLATE_STORE": str(store)}
        environment.pop("MLFLOW_TRACKING_URI", None)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        began = time.monotonic()
        process = begin((*ABLATE, "launch", str(STUDY)), environment, Path(folder) / "output.txt")
        first = until_first_trial(store)
        print(f"first trial after {first - began:.1f} s (goal {FIRST}), {cpu_seconds():.1f} CPU seconds", flush=True)
        if process.wait():
            sys.exit((Path(folder) / "output.txt").read_text(encoding="utf-8"))
        whole = time.monotonic() - began
        print(f"quickstart {whole:.1f} s (goal {WHOLE}), {cpu_seconds():.1f} CPU seconds")
    sys.exit(first - began > FIRST or whole > WHOLE)


def until_first_trial(store: Path) -> float:
    """When the first trial had records of its own."""
    while not any(store.glob("studies/*/trials/*/spool.jsonl")):
        time.sleep(POLL)
    return time.monotonic()


if __name__ == "__main__":
    main()

"""Seconds until the command line answers: its help, and a study checked against the registries.

Goals: 0.4 s for `ablate --help`, 3 s for `ablate check` of the study `epsilon`.
Medians of several runs; the commands alternate.

    python benchmarks/startup.py [--runs 7]
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from serving import ABLATE

STUDY = Path(__file__).parent.parent / "studies" / "invariant" / "epsilon.yaml"
GOALS = {("--help",): 0.4, ("check", str(STUDY)): 3.0}


def seconds(arguments: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run((*ABLATE, *arguments), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    rounds = [{arguments: seconds(arguments) for arguments in GOALS} for _ in range(given.runs)]
    medians = {arguments: statistics.median(took[arguments] for took in rounds) for arguments in GOALS}
    for arguments, median in medians.items():
        print(f"ablate {' '.join(arguments)}: {median:.2f} s (goal {GOALS[arguments]} s)")
    sys.exit(any(median > GOALS[arguments] for arguments, median in medians.items()))


if __name__ == "__main__":
    main()

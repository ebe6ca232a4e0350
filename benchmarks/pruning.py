"""What stopping early saves, and what its decisions and the proposals of a search cost.

    python benchmarks/pruning.py [--samples 200]

On three studies of digits (two methods, of 30 epochs) asynchronous successive halving with promotion is compared
with training every variant to its end: the share of all epochs that it trains, and the scores of the best settings that
either finds.  They are alike where the means over seeds differ by less than half the 95 % interval of the best mean.

Then it prints the seconds of a pruner's decision, and of a proposal by TPE after 500 that have ended.  All are those
of the processor, so that other load on the machine does not count.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ablate.driver.launch import launch
from ablate.events import State
from ablate.paths import Store
from ablate.planning.resolve import resolve
from ablate.pruning.early_stopping import EarlyStopping
from ablate.record import TrialRecord
from ablate.search.proposals import Proposals
from ablate.stats.estimate import Estimate
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.testing.backends import in_process_backends
from ablate.testing.memory import MemoryStore

STUDY = """
question: Which settings are best?
method: {method}
dataset: digits
fixed: {{training.epochs: {epochs}, training.batch_size: 100, training.samples: {samples}}}
axes:
{axes}
seeds: 3
probes: [knn]
metric: knn/accuracy
"""
# Every fourth variant goes on at each rung, as in the experiments of Li et al. 2020.
PRUNER = "pruner={kind: asha, probe_every: 3, min_epochs: 3, reduction_factor: 4, promote: true}"
RATES = "  training.learning_rate: [1.0e-5, 1.0e-4, 1.0e-3]"
STUDIES = {  # name → method, epochs, axes
    "radius": (
        "invariant",
        30,
        "  method.epsilon: [0.1, 0.4, 1.6]\n  training.learning_rate: [1.0e-5, 1.0e-4, 1.0e-3]",
    ),
    "outputs": ("invariant", 30, "  method.k: [5, 20, 80]\n  training.learning_rate: [1.0e-5, 1.0e-4, 1.0e-3]"),
    "code": ("ae", 30, "  method.latent_dim: [2, 8, 32]\n  training.learning_rate: [1.0e-5, 1.0e-4, 1.0e-3]"),
}
SEARCH = """
method: invariant
dataset: digits
design: search
search:
  trials: 510
  objectives: {linear/accuracy: maximize}
  space:
    method.epsilon: {low: 0.1, high: 4, log: true}
    training.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}
    method.k: {low: 5, high: 100}
seeds: 1
probes: [linear]
metric: linear/accuracy
"""
JUDGED, FINISHED, TIMED = 500, 500, 10  # variants, proposals, proposals of which the time is taken
FIRST = 20  # proposals that TPE samples; the others are told as they are, at once


def run(study: Study, folder: Path) -> tuple[int, list[float]]:
    """Launch a study in this process; the epochs that it trained, and the scores of its best variant by seed."""
    tracking = MemoryStore()
    launch(study, Store(folder), backends=in_process_backends(tracking))
    records = tracking.snapshots[study.name].trials
    epochs = sum(len(tracking.curves(one.run_id, ["train/loss"])["train/loss"]) for one in records)
    return epochs, max(by_variant(records), key=statistics.fmean)


def by_variant(records: Sequence[TrialRecord]) -> list[list[float]]:
    """The scores by seed of each variant that was trained to its end."""
    found: dict[str, list[float]] = {}
    for one in records:
        if one.state is State.FINISHED:
            found.setdefault(one.variant, []).append(one.metrics["knn/accuracy"])
    return list(found.values())


def saved_epochs(folder: Path, samples: int) -> None:
    """Compare each study with and without the pruner."""
    for name, (method, epochs, axes) in STUDIES.items():
        file = folder / f"{name}.yaml"
        file.write_text(STUDY.format(method=method, epochs=epochs, axes=axes, samples=samples), encoding="utf-8")
        all_epochs, best = run(read_study(file), folder / f"{name}-all")
        some_epochs, found = run(read_study(file, overrides=(PRUNER,)), folder / f"{name}-asha")
        half = Estimate.of(best).half or 0.0
        alike = statistics.fmean(best) - statistics.fmean(found) <= half
        print(
            f"{name} ({method}): {some_epochs} of {all_epochs} epochs, {some_epochs / all_epochs:.2f};"
            f" best {statistics.fmean(found):.4f}, of all {statistics.fmean(best):.4f} ± {half:.4f}:"
            f" {'alike' if alike else 'worse'}",
            flush=True,
        )


def seconds_per_decision(folder: Path) -> float:
    """Seconds that a pruner takes with each value at a rung, while 500 variants are judged."""
    file = folder / "judged.yaml"
    levels = [round(0.01 * number, 4) for number in range(1, JUDGED + 1)]
    axes = f"  method.epsilon: {levels}"
    file.write_text(STUDY.format(method="invariant", epochs=30, axes=axes, samples=200), encoding="utf-8")
    study = read_study(file, overrides=(PRUNER, "pruner.metric=train/loss", "pruner.probe_every=null", "seeds=1"))
    trials, stopping = resolve(study), EarlyStopping(study, {})
    stopping.add(trials)
    began = time.process_time()
    for number, trial in enumerate(trials):
        stopping.record(trial.key, 3, {"train/loss": math.sin(number)})
        stopping.promote()
    return (time.process_time() - began) / len(trials)


def seconds_per_proposal(folder: Path) -> float:
    """Seconds from asking for a proposal by TPE to its result being told, after 500 that have ended."""
    file = folder / "proposed.yaml"
    file.write_text(SEARCH, encoding="utf-8")
    proposals = Proposals(read_study(file), folder / "search.log", {})
    random = Proposals(read_study(file, overrides=("search.sampler=random",)), folder / "search.log", {})
    for count in range(FINISHED):
        tell(random if count >= FIRST else proposals, count)
    proposals = Proposals(read_study(file), folder / "search.log", random.outcomes | proposals.outcomes)
    began = time.process_time()
    for count in range(TIMED):
        tell(proposals, FINISHED + count)
    return (time.process_time() - began) / TIMED


def tell(proposals: Proposals, count: int) -> None:
    """Ask for a proposal, and tell its score."""
    for trial in proposals.next():
        proposals.record(trial.key, {"linear/accuracy": math.sin(count)})


def main() -> None:
    parser = argparse.ArgumentParser(description="What stopping early saves, and what it costs.")
    parser.add_argument("--samples", type=int, default=200, help="images of the training set that are used")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"a decision among {JUDGED} variants: {seconds_per_decision(Path(folder)):.4f} s", flush=True)
        print(f"a proposal by TPE after {FINISHED}: {seconds_per_proposal(Path(folder)):.4f} s", flush=True)
        saved_epochs(Path(folder), given.samples)


if __name__ == "__main__":
    main()

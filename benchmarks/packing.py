"""Optimizer steps per second on an accelerator: launched kernel by kernel, recorded as a CUDA graph, in a pack of 16.

Goals, for perceptrons: a recorded trial takes at least 3 times as many steps as one that is launched kernel by kernel,
and those of a pack together at least twice as many as a recorded one alone.  Inputs are random; batches, networks and
augmentation are the papers'.

    python benchmarks/packing.py [--seconds 2]
"""

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch

from ablate.methods import METHODS
from ablate.planning.packs import STACK
from ablate.train import cuda_graph
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe

CASES: Mapping[str, tuple[dict[str, Any], tuple[int, ...], int]] = {  # method → its settings, one input's shape, batch
    "invariant": ({"epsilon": 5.0}, (2304,), 256),
    "ae": ({}, (1, 28, 28), 256),
    "simvae": ({"network": "simvae-mlp", "latent_dim": 10, "augmentation": "simvae-mnist"}, (1, 28, 28), 128),
}
BY_RECORDING, BY_PACKING = 3.0, 2.0  # goals
DEVICE = torch.device("cuda")


def steps_per_second(name: str, members: int, practice: int, seconds: float) -> float:
    """Steps of all members together; the first `practice` ones are launched kernel by kernel."""
    settings, shape, batch = CASES[name]
    inputs = torch.randint(0, 256, (100 * batch, *shape), dtype=torch.uint8, device=DEVICE)
    data = TrainingSet(inputs, torch.arange(len(inputs), device=DEVICE) % 10, 1 / 255)
    papers: dict[str, Any] = dict(METHODS[name].recipe)
    recipe = Recipe(**{**papers, "epochs": 1000, "batch_size": batch})
    cuda_graph.WARM_UP_STEPS = practice
    kind: Any = METHODS[name]
    fit = Fit([kind(**settings)] * members, [recipe] * members, list(range(members)), data, DEVICE)
    steps = fit.steps()
    for _ in range(10):
        next(steps)
    torch.cuda.synchronize()
    began, taken = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(10):
            next(steps)
        torch.cuda.synchronize()
        taken += 10 * members
    return taken / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of every measurement")
    seconds = parser.parse_args().seconds
    if not torch.cuda.is_available():
        sys.exit("there is no accelerator to measure")
    missed = False
    for name in CASES:
        by_kernel = steps_per_second(name, 1, sys.maxsize, seconds)
        recorded = steps_per_second(name, 1, 3, seconds)
        pack = steps_per_second(name, STACK, 3, seconds)
        missed = missed or recorded < BY_RECORDING * by_kernel or pack < BY_PACKING * recorded
        print(
            f"{name}: {by_kernel:.0f} steps a second kernel by kernel, {recorded:.0f} recorded"
            f" ({recorded / by_kernel:.1f} times, goal {BY_RECORDING:g}), {pack:.0f} in a pack of {STACK}"
            f" ({pack / recorded:.1f} times, goal {BY_PACKING:g})",
            flush=True,
        )
    sys.exit(missed)


if __name__ == "__main__":
    main()

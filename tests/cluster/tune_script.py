"""Runs packs of milliseconds by Ray Tune, for `test_pack_scheduler`: each worker makes a file when it starts.

The argument is the folder of the files.
"""

import logging
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from ablate.cluster.pack_scheduler import PackScheduler

SLOTS, PACKS = 2, 60
FOLDER = Path(sys.argv[1])


class Worker(tune.Trainable):
    """The first one to start is ready at once, others seconds later."""

    def setup(self, config: dict[str, Any]) -> None:
        (FOLDER / "started" / uuid.uuid4().hex).touch()
        try:
            (FOLDER / "first").touch(exist_ok=False)
        except FileExistsError:
            time.sleep(2)

    def step(self) -> dict[str, Any]:
        time.sleep(0.1)
        return {"done": True, "score": 0}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True


class Packs(Searcher):
    """So many packs, at most two at once."""

    def __init__(self) -> None:
        super().__init__(metric="score", mode="max")
        self.left, self.running = PACKS, set[str]()

    def suggest(self, trial_id: str) -> Any:
        if self.left == 0:
            return Searcher.FINISHED
        if len(self.running) == SLOTS:
            return None
        self.left -= 1
        self.running.add(trial_id)
        return {}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self.running.discard(trial_id)


(FOLDER / "started").mkdir()
ray.init(address="local", num_cpus=SLOTS, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
scheduler = PackScheduler()  # type: ignore[no-untyped-call]
tuned = tune.TuneConfig(
    search_alg=Packs(), scheduler=scheduler, num_samples=-1, max_concurrent_trials=0, reuse_actors=True
)
unsaved = tune.CheckpointConfig(checkpoint_at_end=False)
run = tune.RunConfig(storage_path=str(FOLDER / "tune"), verbose=0, checkpoint_config=unsaved)
results = tune.Tuner(tune.with_resources(Worker, {"cpu": 1}), tune_config=tuned, run_config=run).fit()
if results.num_errors or len(results) != PACKS:
    sys.exit(f"{len(results)} packs ran, {results.num_errors} failed")

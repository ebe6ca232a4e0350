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

SLOTS, LEAST, MOST = 2, 60, 1000  # packs: until a worker has started in each slot, within these bounds
FOLDER = Path(sys.argv[1])


class Worker(tune.Trainable):
    """The first one to start is ready at once, others seconds later; a pack takes a twentieth of that."""

    def setup(self, config: dict[str, Any]) -> None:
        (FOLDER / "started" / uuid.uuid4().hex).touch()
        try:
            (FOLDER / "first").touch(exist_ok=False)
        except FileExistsError:
            time.sleep(2)
        self.name = uuid.uuid4().hex

    def step(self) -> dict[str, Any]:
        time.sleep(0.1)
        (FOLDER / "worked" / self.name).touch()
        return {"done": True, "score": 0}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True


class Packs(Searcher):
    """Packs until each slot has a worker that has run one; a pack in each slot at a time."""

    def __init__(self) -> None:
        super().__init__(metric="score", mode="max")
        self.made, self.running = 0, set[str]()

    def suggest(self, trial_id: str) -> Any:
        over = len(list((FOLDER / "worked").iterdir())) >= SLOTS and self.made >= LEAST
        if over or self.made == MOST:
            return Searcher.FINISHED
        if len(self.running) == SLOTS:
            return None
        self.made += 1
        self.running.add(trial_id)
        return {}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self.running.discard(trial_id)


for name in ("started", "worked"):
    (FOLDER / name).mkdir()
packs = Packs()
ray.init(address="local", num_cpus=SLOTS, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
scheduler = PackScheduler()  # type: ignore[no-untyped-call]  # of Ray
tuned = tune.TuneConfig(
    search_alg=packs, scheduler=scheduler, num_samples=-1, max_concurrent_trials=0, reuse_actors=True
)
unsaved = tune.CheckpointConfig(checkpoint_at_end=False)
run = tune.RunConfig(storage_path=str(FOLDER / "tune"), verbose=0, checkpoint_config=unsaved)
results = tune.Tuner(tune.with_resources(Worker, {"cpu": 1}), tune_config=tuned, run_config=run).fit()
if results.num_errors or len(results) != packs.made:
    sys.exit(f"{len(results)} packs ran, {results.num_errors} failed")

"""A Ray actor that runs one pack after the other."""

import contextlib
import importlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from ablate.events import Outcome, Progress
from ablate.paths import Store
from ablate.track.environment import environment
from ablate.track.hold import hold
from ablate.track.sender import Sender
from ablate.track.spool import RunRef, SpoolTracker
from ablate.trial import Trial

if TYPE_CHECKING:
    from ablate.run import RunContext

SLICE = 1.0  # seconds of training between two words to the driver
LAZY = ("mlflow", "sklearn.neighbors", "sklearn.utils.extmath", "matplotlib.backends.backend_agg")
PATIENCE = 60.0  # seconds that a dying predecessor may take to let go of a trial


class Worker(tune.Trainable):
    """Runs packs in slices; the actor and its imports are used again for the next pack.

    The science is imported where it runs: Tune imports this class into the conductor too.
    """

    def setup(self, config: dict[str, Any]) -> None:
        import torch

        torch.set_num_threads(max(1, int(config["threads"])))
        self.stopping = False
        self.paths = Store(Path(config["store"])).study(config["study"])
        self.device = torch.device("cuda" if config["gpu"] else "cpu")
        self.sender = Sender(config["uri"], self.paths)
        self.facts = environment(str(self.device))
        for module in LAZY:  # four seconds of imports that the first trial would seem to take
            importlib.import_module(module)
        self.begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.begin(new_config)
        return True

    def begin(self, config: dict[str, Any]) -> None:
        """Take up a pack."""
        from ablate.run import RunContext

        trials = [Trial.from_json(trial) for trial in config["pack"]]
        run_refs = {key: RunRef(**run_ref) for key, run_ref in config["run_refs"].items()}
        tracker = SpoolTracker(self.paths, {**self.facts, "pack": str(len(trials))}, run_refs)
        context = RunContext(
            paths=self.paths,
            tensors=Store(Path(config["store"])).tensors,
            tracker=tracker,
            device=self.device,
            checkpoint_every=config["checkpoint_every"],
            stop=self.asked_to_stop,
            firsts=frozenset(config["firsts"]),
        )
        self.reports = self.run(trials, context, tracker)
        self.glanced = 0.0

    def run(self, trials: list[Trial], context: "RunContext", spools: SpoolTracker) -> Iterator[Progress | Outcome]:
        """The pack's reports, made while no other process can work on its trials."""
        from ablate.run import run_pack

        with contextlib.ExitStack() as held, spools:
            for trial in trials:
                held.enter_context(hold(self.paths.trial(trial.key), PATIENCE))
                self.sender.watch(trial.key)
            yield from run_pack(trials, context)
        self.sender.nudge()

    def step(self) -> dict[str, Any]:
        """Work for a while; say what happened, and what goes on now."""
        said: list[dict[str, Any]] = []
        latest: Progress | None = None
        until = time.monotonic() + SLICE
        for report in self.reports:
            if isinstance(report, Outcome):
                said.append(asdict(report))
            else:
                latest = report
            if time.monotonic() >= until:
                break
        else:
            return {"said": json.dumps(said), "now": "", "pid": os.getpid(), "done": True}
        now = json.dumps(asdict(latest)) if latest else ""
        return {"said": json.dumps(said), "now": now, "pid": os.getpid(), "done": False}

    def asked_to_stop(self) -> bool:
        """Whether the launch is to stop: looked up a few times a second."""
        if not self.stopping and time.monotonic() - self.glanced > 0.25:
            self.glanced = time.monotonic()
            self.stopping = self.paths.stop.exists()
        return self.stopping

    def cleanup(self) -> None:
        """Checkpoint what still trains, and hand over what was said."""
        self.stopping = True
        for _ in self.reports:
            pass
        self.sender.close(PATIENCE)

"""A Ray actor that runs one pack after another."""

import contextlib
import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from ablate.cluster.node_report import require_same
from ablate.cluster.worker_environment import apply_environment
from ablate.errors import FREE_SPACE, ServiceError, is_full_disk
from ablate.events import MESSAGES, EpochValues, Progress, Refused, State, TrialUpdate
from ablate.launch_config import PACK_CONFIG, PackConfig
from ablate.paths import Store
from ablate.patience import SHORT, STOPPING
from ablate.permissions import permission_mask
from ablate.stopping import StopRequest, stop_request
from ablate.track.environment import environment
from ablate.track.server_info import embedded_artifacts
from ablate.track.spool import SpoolTracker
from ablate.track.trial_lock import lock_trial
from ablate.track.uploader import Uploader

if TYPE_CHECKING:
    from ablate.run_context import RunContext

SLICE = 1.0  # seconds of training between two results for Tune
LOOKUP = 0.25  # seconds between two lookups of a stop request
IMPORTED_EARLY = (
    "ablate.track.rest_client",
    "sklearn.neighbors",
    "sklearn.utils.extmath",
    "matplotlib.backends.backend_agg",
)
BY_CLUSTER = StopRequest(State.STOPPED, "its worker was ended")


class Worker(tune.Trainable):
    """Runs packs in slices of a second; the process and its imports are reused for the next pack.

    torch and the science are imported here and not at the top, since Tune imports this class into the conductor too.
    """

    def setup(self, config: dict[str, Any], uri: str = "", folder: str = "", wanted: str = "") -> None:
        """Prepare the first pack; `uri` is the MLflow server's, `folder` the one in which the launch was started.

        Ray starts its processes in another folder, so that none imports from that one.  On a cluster, `wanted` is the
        report that this node must have.
        """
        import torch

        if folder and Path(folder).is_dir():  # it may be missing on another machine
            os.chdir(folder)
        pack = PACK_CONFIG.decode(config["pack"])
        store = Store(Path(pack.store))
        self.paths = store.study(pack.study)
        if wanted:
            require_same(wanted, self.paths.folder)
        apply_environment(self.paths.environment)
        os.umask(permission_mask(store))
        torch.set_num_threads(pack.threads)
        self.device = torch.device("cuda" if pack.gpu else "cpu")
        self.uploader = Uploader(uri, self.paths, artifacts=embedded_artifacts(store, uri))
        self.environment = environment(str(self.device))
        for module in IMPORTED_EARLY:  # they take four seconds, which would count as the first trial's
            importlib.import_module(module)
        self.begin(pack)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.begin(PACK_CONFIG.decode(new_config["pack"]))
        return True

    def begin(self, pack: PackConfig) -> None:
        """Prepare a pack; it starts to run at the first step."""
        from ablate.run_context import RunContext

        tracker = SpoolTracker(self.paths, {**self.environment, "pack": str(len(pack.trials))}, pack.run_refs)
        context = RunContext(
            paths=self.paths,
            tensors=Store(Path(pack.store)).tensors,
            tracker=tracker,
            device=self.device,
            checkpoint_every=pack.checkpoint_every,
            stop_request=self.stop_request,
            pretraining=frozenset(pack.pretraining),
            interim=pack.interim,
        )
        self.rungs = set(pack.rungs)
        self.closing = False
        self.looked_up: dict[str, tuple[float, StopRequest | None]] = {}  # key → time of the last lookup, its result
        self.started = False
        self.updates = self.full_disk_told(self.run(pack, context, tracker))

    def run(self, pack: PackConfig, context: "RunContext", tracker: SpoolTracker) -> Iterator[TrialUpdate]:
        """The pack's updates, produced while this process holds the locks of its trials."""
        from ablate.run import run_pack

        with contextlib.ExitStack() as locks, tracker:
            for trial in pack.trials:
                locks.enter_context(lock_trial(self.paths.trial(trial.key), SHORT))
                self.uploader.watch(trial.key)
            yield from run_pack(pack.trials, context)
        self.uploader.send_soon()

    def full_disk_told(self, updates: Iterator[TrialUpdate]) -> Iterator[TrialUpdate | Refused]:
        """The updates; on a full disk also what ends the launch, whose trials go on once there is space."""
        try:
            yield from updates
        except OSError as error:
            if not is_full_disk(error):
                raise
            yield Refused(str(error.strerror), FREE_SPACE, str(self.paths.folder), ServiceError.exit_code)

    def step(self) -> dict[str, Any]:
        """Run for a second, or to a rung; the updates of that time, with the latest progress only.

        Tune takes the next step once the updates of this one are received: what a pruner decides by them is there then.
        """
        self.started = True
        self.looked_up.clear()
        updates: list[TrialUpdate | Refused] = []
        progress: Progress | None = None
        until = time.monotonic() + SLICE
        done, at_rung = True, False
        for update in self.updates:
            if isinstance(update, Progress):
                progress = update
            else:
                updates.append(update)
                at_rung = at_rung or (isinstance(update, EpochValues) and update.epoch in self.rungs)
            if time.monotonic() >= until or (at_rung and isinstance(update, Progress)):
                done = False
                break
        latest = [progress] if progress and not done else []
        lines = [MESSAGES.encode(update) for update in (*updates, *latest)]
        return {
            "updates": "\n".join(lines),
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "done": done,
        }

    def stop_request(self, key: str) -> StopRequest | None:
        """The stop request that concerns a trial, looked up a few times a second."""
        at, found = self.looked_up.get(key, (0.0, None))
        if found is None and time.monotonic() - at > LOOKUP:
            found = stop_request(self.paths, key)
            self.looked_up[key] = time.monotonic(), found
        return BY_CLUSTER if self.closing and found is None else found

    def cleanup(self) -> None:
        """Write checkpoints of what still trains, and upload what is recorded.

        A pack that was not started is not run: Tune may clean up a replacement whose pack another worker has finished.
        """
        self.closing = True
        for _ in self.updates if self.started else ():
            pass
        stopped = self.paths.stop.exists()
        self.uploader.close(STOPPING if stopped else SHORT)  # the driver uploads what is left then

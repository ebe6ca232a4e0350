"""The packs of a launch, scheduled by Ray Tune in rounds: a round ends where a lost worker is not replaced."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray import tune

from ablate.cluster.dispatch import Dispatcher, running_probes
from ablate.cluster.node_report import encoded_own_report
from ablate.cluster.node_watch import Check, NodeWatch
from ablate.cluster.pack_callback import PackCallback
from ablate.cluster.pack_scheduler import PackScheduler
from ablate.cluster.placement import PLACEMENT, placed_by_request
from ablate.cluster.ray_cluster import live_nodes, of_ray
from ablate.cluster.searcher import PackSearcher
from ablate.cluster.study_dispatcher import study_dispatcher
from ablate.cluster.worker import Worker
from ablate.cluster.worker_watch import WorkerWatch, why_no_worker
from ablate.errors import ServiceError
from ablate.events import Ended, Message, Ready, State
from ablate.launch_config import LaunchConfig
from ablate.paths import Store, StudyPaths
from ablate.planning.packs import spread
from ablate.planning.resources import placed, slots
from ablate.study.model import Resources
from ablate.study.read import read_study
from ablate.track.mlflow_store import MlflowStore

Send = Callable[[Message], None]


def run_launch(
    config: LaunchConfig,
    send: Send,
    send_heartbeats: Callable[[Callable[[], None]], None],
    checked: frozenset[str] | None = None,
    check_joined: Check = lambda joined: [],
) -> None:
    """Run all packs; returns when they have ended, or when the study is to stop.

    `send_heartbeats` runs in a thread of its own, and is given the function that looks at the nodes of a cluster.
    `checked` are the ids of its nodes that were found to fit, None on this machine alone, and `check_joined` makes the
    reports of those that join.
    """
    study = read_study(config.study)
    paths = Store(Path(config.store)).study(study.name)
    first = [node for node in live_nodes() if checked is None or node["NodeID"] in checked]
    found = [of_ray(node) for node in first]
    width, wanted = slots(found, study), placed(study.resources, found)
    # `auto` was planned as a GPU where the nodes were not known; without one, trials run faster alone
    least = sum(map(len, config.packs)) if study.resources.gpu == "auto" and not wanted.gpus else width
    config = replace(config, packs=spread(config.packs, least))
    dispatcher = study_dispatcher(config, study, wanted, paths, send)
    dispatcher.width = width
    send(Ready(width, len(found)))
    node_watch = NodeWatch(dispatcher, wanted, first, check_joined, PLACEMENT, send)
    threading.Thread(target=send_heartbeats, args=(node_watch.look,), daemon=True).start()
    remove_rounds(paths)
    watch = WorkerWatch(dispatcher, send, lambda: why_no_worker(wanted.cpu, wanted.gpus))
    while not dispatcher.over and not paths.stop.exists():
        run_round(EndOfRound(dispatcher, watch), wanted, paths, config.uri)
        dispatcher.start_round(lost_ends(study.name, running_probes(dispatcher), config.uri, paths))


def run_round(end: "EndOfRound", resources: Resources, paths: StudyPaths, uri: str) -> None:
    """Run one Tuner over the waiting packs, until they are done or a slot has lost its worker for good."""
    # The address may hold a password: parameters stay in Ray's memory, and Tune writes configurations to files.
    wanted = encoded_own_report() if paths.environment.exists() else ""  # which only a launch on a cluster has
    worker = tune.with_parameters(Worker, uri=uri, folder=str(Path.cwd()), wanted=wanted)
    tuner = tune.Tuner(
        tune.with_resources(worker, placed_by_request(resources)),
        tune_config=tune.TuneConfig(
            search_alg=PackSearcher(end.dispatcher),
            scheduler=PackScheduler(),  # type: ignore[no-untyped-call]  # of Ray
            num_samples=-1,
            max_concurrent_trials=0,  # the dispatcher bounds them: nodes come and go
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name=f"{time.time_ns():x}",
            storage_path=str(paths.rounds),
            verbose=0,
            stop=end,
            callbacks=[PackCallback(end.dispatcher)],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # trials write their own checkpoints
        ),
    )
    tuner.fit()
    remove_rounds(paths)


def remove_rounds(paths: StudyPaths) -> None:
    """Remove Tune's folders of this study's rounds, also those that an earlier launch left when it was killed."""
    shutil.rmtree(paths.rounds, ignore_errors=True)


class EndOfRound(tune.Stopper):
    """Ends a round in which a worker that died is not replaced, or that is to stop while nothing runs."""

    def __init__(self, dispatcher: Dispatcher, watch: WorkerWatch) -> None:
        self.dispatcher, self.watch = dispatcher, watch

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        """Whether to end the round; Tune asks some times a second."""
        self.watch.look()
        return self.dispatcher.lacks_workers or self.dispatcher.stopped_before_begun

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ())  # as with the searcher


def lost_ends(study: str, wanted: Mapping[str, Mapping[str, str]], uri: str, paths: StudyPaths) -> Iterator[Ended]:
    """Ends that Tune dropped when the round ended; looked up in MLflow.

    `wanted` holds the trials that were running, by their keys, with the digests of the scores that are wanted of them.
    """
    if not wanted:
        return
    with suppress(ServiceError):  # MLflow is away: the trials run again, from what their folders hold
        tracking = MlflowStore(uri)
        tracking.upload(paths)
        records = tracking.snapshot(study).records
        for key, probes in wanted.items():
            record = records.get(key)
            if record and record.state is State.FINISHED and probes.items() <= record.probes.items():
                yield Ended(key, State.FINISHED, metrics=record.metrics)

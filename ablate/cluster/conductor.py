"""The process that uses Ray: it starts or joins a cluster and lets Ray Tune schedule the packs of a launch.

It is a separate process because Ray can hang without raising an exception (where its control store has died), and
prints to both standard streams.  The driver reads one message per line from its standard output, and kills it where
none comes.
"""

import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")  # else one trial without the metric ends them all
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1000000")  # Tune's own snapshots are never restored
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Workers of a local Ray inherit these: otherwise glibc returns every tensor of some MB to the kernel and faults its
# pages in again at the next step, which was measured to cost a twelfth of the training time on a CPU.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(256 * 2**20))

import psutil
import ray
from ray import tune

from ablate.cluster.dispatch import Dispatcher, running_probes
from ablate.cluster.searcher import PackSearcher
from ablate.cluster.study_dispatcher import study_dispatcher
from ablate.cluster.worker import Worker
from ablate.errors import AblateError, ServiceError
from ablate.events import LAUNCH_CONFIG, MESSAGES, Ended, Heartbeat, LaunchConfig, Message, Over, Ready, Refused, State
from ablate.paths import Store, StudyPaths
from ablate.planning.packs import spread
from ablate.planning.resources import Node, slots
from ablate.process import Process, alive, identify
from ablate.study.model import Resources
from ablate.study.read import read_study
from ablate.track.mlflow_store import MlflowStore

if TYPE_CHECKING:
    pass

HEARTBEAT = 2.0  # seconds between two heartbeats
LOST = 1  # exit code where Ray or the driver has died
Send = Callable[[Message], None]


def run_launch(config: LaunchConfig, send: Send) -> None:
    """Run all packs; returns when they have ended, or when the study is to stop."""
    study = read_study(config.study)
    store = Store(Path(config.store))
    paths = store.study(study.name)
    width = slots(nodes(), study)
    refuse_embedded_server_for_many_nodes(config, nodes())
    config = replace(config, packs=spread(config.packs, width))
    dispatcher = study_dispatcher(config, study, paths, send)
    send(Ready(width, len(nodes())))
    threading.Thread(target=send_heartbeats, args=(send, local_ray_processes()), daemon=True).start()
    while not dispatcher.over and not paths.stop.exists():
        run_round(dispatcher, study.resources, width, store)
        dispatcher.start_round(lost_ends(study.name, running_probes(dispatcher), config.uri, paths))


def run_round(dispatcher: Dispatcher, resources: Resources, width: int, store: Store) -> None:
    """Run one Tuner over the waiting packs, until they are done or a slot has lost its worker for good."""
    bundle = {"CPU": resources.cpu, **({"GPU": resources.gpu} if resources.gpu else {})}
    name = f"{time.time_ns():x}"
    tuner = tune.Tuner(
        tune.with_resources(Worker, tune.PlacementGroupFactory([bundle])),
        tune_config=tune.TuneConfig(
            search_alg=PackSearcher(dispatcher),
            num_samples=-1,
            max_concurrent_trials=width,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(store.ray),
            verbose=0,
            stop=LacksWorkers(dispatcher, width),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # trials write their own checkpoints
        ),
    )
    tuner.fit()
    shutil.rmtree(store.ray / name, ignore_errors=True)


class LacksWorkers(tune.Stopper):
    """Ends a round in which a worker that died is not replaced."""

    def __init__(self, dispatcher: Dispatcher, width: int) -> None:
        self.dispatcher, self.width = dispatcher, width

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.dispatcher.lacks_workers(self.width)

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


def send_heartbeats(send: Send, ray_processes: list[Process]) -> None:
    """Send heartbeats while Ray's processes run, then end this process, whatever its other threads wait for.

    Listing the nodes of a remote cluster blocks where its control store has died: then no heartbeat is sent, and the
    driver kills this process.
    """
    while all(alive(process) for process in ray_processes):
        try:
            if not ray_processes:
                nodes()
            send(Heartbeat())
        except OSError:  # the driver is gone
            ray.shutdown()
            break
        time.sleep(HEARTBEAT)
    os._exit(LOST)


def await_config(file: Path) -> LaunchConfig:
    """The launch's configuration, once the driver has written it; ends this process where the driver has died."""
    driver = os.getppid()
    while not file.exists():
        if os.getppid() != driver:
            ray.shutdown()
            os._exit(LOST)
        time.sleep(0.05)
    return LAUNCH_CONFIG.decode(file.read_text(encoding="utf-8"))


def start_ray(address: str) -> None:
    """Join a cluster, or start Ray on this machine, which ends with this process."""
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address:
        ray.init(address=address, **settings)
    else:
        cores = len(os.sched_getaffinity(0))
        ray.init(num_cpus=cores, object_store_memory=100 * 2**20, include_dashboard=False, **settings)


def nodes() -> list[Node]:
    """The nodes of the cluster that are alive."""
    found = [node for node in ray.nodes() if node["Alive"]]
    return [Node(node["NodeName"], node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0)) for node in found]


def refuse_embedded_server_for_many_nodes(config: LaunchConfig, found: list[Node]) -> None:
    """Raise ServiceError where workers on other nodes would need a server on this machine's loopback."""
    if len(found) > 1 and "127.0.0.1" in config.uri:
        raise ServiceError(
            f"the cluster has {len(found)} nodes, and the embedded MLflow server can be reached from this one only",
            "set MLFLOW_TRACKING_URI to a server on PostgreSQL",
            "--address",
        )


def local_ray_processes() -> list[Process]:
    """Ray's raylet and control store, where this process started them."""
    children = psutil.Process().children(recursive=True)
    return [identify(child.pid) for child in children if child.name() in ("raylet", "gcs_server")]


def sender_to(out: TextIO) -> Send:
    """A function that writes messages to a file, callable from several threads."""
    lock = threading.Lock()

    def send(message: Message) -> None:
        with lock:
            out.write(MESSAGES.encode(message) + "\n")
            out.flush()

    return send


def main() -> None:
    """Start Ray, or join the cluster that the second argument names; run the launch that the first one's file holds."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")  # the driver's pipe; other output goes to the log
    os.dup2(2, 1)
    send = sender_to(out)
    try:
        start_ray(sys.argv[2])
        run_launch(await_config(Path(sys.argv[1])), send)
        send(Over())
    except AblateError as error:
        send(Refused(error.problem, error.remedy, error.place, error.exit_code))
    except Exception as error:
        traceback.print_exc()
        if all(alive(process) for process in local_ray_processes()):  # else the driver finds that Ray has died
            problem = f"the conductor failed: {type(error).__name__}: {error}".splitlines()[0]
            send(Refused(problem, "read the log", sys.argv[1], 1))
    ray.shutdown()


if __name__ == "__main__":
    main()

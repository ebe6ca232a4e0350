"""The process that talks to Ray: it starts or joins a cluster and lets Ray Tune schedule the packs.

It is a process of its own because Ray can hang where no exception reaches (a dead control store), and prints where it
likes.  The driver reads one JSON message a line from its standard output, and ends it where it falls silent.
"""

import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")  # else one trial without the metric ends them all
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1000000")  # nothing is ever restored from Tune's own snapshots
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a local Ray has nobody to tell
# Workers of a local Ray inherit these: glibc else gives every tensor of some MB back to the kernel and faults its pages
# in again at the next step, which costs a twelfth of the training time on a CPU.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(256 * 2**20))

import psutil
import ray
from ray import tune

from ablate.cluster.dispatch import PackSearcher
from ablate.cluster.messages import LaunchConfig, Message
from ablate.cluster.resources import Node, slots
from ablate.cluster.worker import Worker
from ablate.errors import AblateError, ServiceError
from ablate.events import Outcome
from ablate.paths import Store, StudyPaths
from ablate.planning.packs import spread
from ablate.process import Process, alive, identify
from ablate.study.model import Resources, Study
from ablate.study.read import read_study
from ablate.track.hold import hold
from ablate.track.mlflow_store import MlflowStore
from ablate.track.sender import deliver
from ablate.track.spool import SpoolTracker
from ablate.trial import Trial

if TYPE_CHECKING:
    from ablate.search.proposals import Proposals

BEAT = 2.0  # seconds between two signs of life
GONE = 1  # exit code where Ray, or whoever listens, is gone
Speak = Callable[[Message], None]


def conduct(orders: LaunchConfig, speak: Speak) -> None:
    """Run all packs; returns when they ended, or when the study's stop file appeared."""
    study = read_study(orders.study)
    store = Store(Path(orders.store))
    paths = store.study(study.name)
    width = slots(nodes(), study)
    refuse_sqlite_for_many(orders, nodes())
    proposals = proposals_of(study, orders, paths) if study.search else None
    graves = SpoolTracker(paths, run_refs=orders.run_refs)

    def bury(trial: Trial, reason: str) -> None:
        with hold(paths.trial(trial.key), patience=60.0):
            graves.start(trial)
            graves.finish(trial, "FAILED", reason)

    orders = replace(orders, packs=spread(orders.packs, width))
    searcher = PackSearcher(orders, study.resources, proposals, speak, paths.stop.exists, bury)
    speak(Message("ready", {"slots": width, "nodes": len(nodes())}))
    threading.Thread(target=pulse, args=(speak, local_servants()), daemon=True).start()
    while not searcher.over and not paths.stop.exists():
        play(searcher, study.resources, width, store)
        handed = {trial.key: searcher.run_ref(trial).probes for pack in searcher.open.values() for trial in pack}
        searcher.new_round(unheard(study.name, handed, orders.uri, paths))


def proposals_of(study: Study, orders: LaunchConfig, paths: StudyPaths) -> "Proposals":
    """Optuna's part of a search, loaded with torch where there is one only."""
    from ablate.search.proposals import Proposals

    return Proposals(study, paths.search, orders.values)


def play(searcher: PackSearcher, resources: Resources, width: int, store: Store) -> None:
    """One round: a Tuner over what waits, until that is done or a slot is lost."""
    bundle = {"CPU": resources.cpu, **({"GPU": resources.gpu} if resources.gpu else {})}
    name = f"{time.time_ns():x}"
    tuner = tune.Tuner(
        tune.with_resources(Worker, tune.PlacementGroupFactory([bundle])),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=-1,
            max_concurrent_trials=width,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(store.ray),
            verbose=0,
            stop=Starvation(searcher, width),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # trials keep their own
        ),
    )
    tuner.fit()
    shutil.rmtree(store.ray / name, ignore_errors=True)


class Starvation(tune.Stopper):
    """Ends a round where a lost worker's slot stays empty."""

    def __init__(self, searcher: PackSearcher, width: int) -> None:
        self.searcher, self.width = searcher, width

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.searcher.starved(self.width)

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ())  # as with the searcher


def unheard(
    study: str, handed: Mapping[str, Mapping[str, str]], uri: str, paths: StudyPaths
) -> Iterator[dict[str, Any]]:
    """How those trials ended whose last words Tune threw away with the round: MLflow may know.

    `handed` holds, by their keys, which scores were wanted of them: probe → digest.
    """
    if not handed:
        return
    with suppress(ServiceError):  # away: they are done again, from what their folders hold
        deliver(uri, paths)
        known = MlflowStore(uri).trials(study)
        for key, wanted in handed.items():
            found = known.get(key)
            if found and found.status == "FINISHED" and wanted.items() <= found.probes.items():
                yield asdict(Outcome(key, "FINISHED", metrics=found.metrics))


def pulse(speak: Speak, servants: list[Process]) -> None:
    """Say that Ray lives, for as long as it does; where it does not, end this process, whatever it waits for.

    Asking a remote cluster blocks where its control store is dead: then the driver hears nothing, and knows.
    """
    while all(alive(servant) for servant in servants):
        try:
            if not servants:
                nodes()
            speak(Message("alive"))
        except OSError:  # the driver is gone
            ray.shutdown()
            break
        time.sleep(BEAT)
    os._exit(GONE)


def await_orders(file: Path) -> LaunchConfig:
    """The orders, once the driver has written them; a driver that died meanwhile ends this process."""
    driver = os.getppid()
    while not file.exists():
        if os.getppid() != driver:
            ray.shutdown()
            os._exit(GONE)
        time.sleep(0.05)
    return LaunchConfig.from_json(file.read_text())


def start_ray(address: str) -> None:
    """Join a cluster, or start one on this machine that ends with this process."""
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address:
        ray.init(address=address, **settings)
    else:
        cores = len(os.sched_getaffinity(0))
        ray.init(num_cpus=cores, object_store_memory=100 * 2**20, include_dashboard=False, **settings)


def nodes() -> list[Node]:
    """The living nodes of the cluster."""
    living = [node for node in ray.nodes() if node["Alive"]]
    return [Node(node["NodeName"], node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0)) for node in living]


def refuse_sqlite_for_many(orders: LaunchConfig, found: list[Node]) -> None:
    """Workers elsewhere cannot reach a server on this machine's loopback."""
    if len(found) > 1 and "127.0.0.1" in orders.uri:
        raise ServiceError(
            f"the cluster has {len(found)} nodes, and the embedded MLflow server can be reached from this one only",
            "set MLFLOW_TRACKING_URI to a server on PostgreSQL",
            "--address",
        )


def local_servants() -> list[Process]:
    """Ray's own processes on this machine, where this process started them."""
    children = psutil.Process().children(recursive=True)
    return [identify(child.pid) for child in children if child.name() in ("raylet", "gcs_server")]


def speaker(out: TextIO) -> Speak:
    """A way to speak that two threads may use."""
    lock = threading.Lock()

    def speak(message: Message) -> None:
        with lock:
            out.write(message.to_line())
            out.flush()

    return speak


def main() -> None:
    """Start Ray, or join the cluster that the second argument names; follow the orders of the first's file."""
    out = os.fdopen(os.dup(1), "w")  # the driver's pipe; whatever else is printed goes to the log
    os.dup2(2, 1)
    speak = speaker(out)
    try:
        start_ray(sys.argv[2])
        conduct(await_orders(Path(sys.argv[1])), speak)
        speak(Message("over"))
    except AblateError as error:
        description = {"problem": error.problem, "remedy": error.remedy, "place": error.place, "exit": error.exit_code}
        speak(Message("refused", description))
    except Exception as error:
        traceback.print_exc()
        if all(alive(servant) for servant in local_servants()):  # else the driver hears that Ray has died
            problem = f"the conductor failed: {type(error).__name__}: {error}".splitlines()[0]
            speak(Message("refused", {"problem": problem, "remedy": "read the log", "place": sys.argv[1], "exit": 1}))
    ray.shutdown()


if __name__ == "__main__":
    main()

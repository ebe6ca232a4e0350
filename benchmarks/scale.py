"""A thousand trials that train nothing, on four raylets and on one with as many slots, and ten thousand on one machine.

Goals: four raylets take at most 1.2 times as long per trial as one; driver and conductor grow by at most 20 KB a trial;
MLflow's CPU seconds per trial grow by at most a fifth from the second quarter of the trials to the last.  Each trial
logs one epoch, saves an encoder and scores it.  The time is that from the first run's start to the end of the last run,
as MLflow has them; raylets are processes of this machine and share its cores, so that more raylets add their own load.

The last lines give the CPU seconds that the processes of which a launch has only one spend on a trial.  From these
follows how short the trials of a thousand GPUs may be before one of these processes is the bottleneck.

Measured on two idle cores: 1,000 trials on four slots took 0.097 s each on one raylet, 0.089 s on four (0.92 times),
with 0.30 and 0.34 CPU s.  The driver grew by 0.2 KB a trial, the conductor by 19 KB; MLflow spent 0.064 CPU s on each
of the second quarter and 0.066 on each of the last.  Its one worker is the first bottleneck: at 1,000 GPUs, where
trials take less than 64 s.

Ten thousand trials, beside other work: planned in 3.4 s; trained in 27 minutes, 0.16 s each, and MLflow had all records
and the report eleven minutes later; reported again in 46 s, launched again in 29 s.  The driver grew by 0.3 KB a trial,
the conductor by 17 KB.

    python benchmarks/scale.py [--trials 1000] [--slots 4] [--many 10000]
"""

import argparse
import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from process_tree import adopt_orphans, cpu_seconds
from serving import ABLATE, begin, environment_of, serving
from tracking import install, search_path

from ablate.paths import Store
from ablate.track.server_info import ServerInfo

STUDY = """
method: idle
dataset: digits
fixed: {{training.epochs: 1, training.samples: 64, training.batch_size: 64}}
axes:
  method.height: [{levels}]
seeds: {seeds}
probes: [knn]
metric: knn/accuracy
"""
VARIANTS = 20
SLOWER, GROWTH, FLAT = 1.2, 20.0, 1.2  # goals: times, KB, times
GPUS = 1000


@dataclass(frozen=True)
class Sample:
    """What was seen of a launch at one moment: its processes by name, the server's `MLflow` among them."""

    finished: int  # trials
    cpu: Mapping[str, float]  # seconds; `all`: of all descendants of this process
    memory: Mapping[str, float]  # KB


@dataclass(frozen=True)
class Figures:
    """Of one launch."""

    seconds: float  # per trial
    samples: Sequence[Sample]

    @property
    def cpu(self) -> float:
        """CPU seconds of all processes per trial, while no worker starts or ends."""
        return self.cpu_per_trial("all", 0.25, 0.75)

    def between(self, first: float, last: float) -> tuple[Sample, Sample]:
        """The samples nearest to these shares of the trials."""
        most = self.samples[-1].finished
        near = [min(self.samples, key=lambda one: abs(one.finished - share * most)) for share in (first, last)]
        return near[0], near[1]

    def cpu_per_trial(self, name: str, first: float = 0.25, last: float = 1.0) -> float:
        before, after = self.between(first, last)
        return (after.cpu[name] - before.cpu[name]) / max(1, after.finished - before.finished)

    def growth(self, name: str) -> float:
        """KB per trial, once all that is loaded at the start is there."""
        before, after = self.between(0.25, 1.0)
        return (after.memory[name] - before.memory[name]) / max(1, after.finished - before.finished)


@contextmanager
def raylets(cpus: Sequence[int]) -> Iterator[str]:
    """The address of a Ray cluster of this machine with a raylet for each of these numbers of CPUs."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        for count in cpus:
            cluster.add_node(num_cpus=count, include_dashboard=False, object_store_memory=100 * 2**20)
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def write_study(store: Store, name: str, trials: int) -> Path:
    file = store.root / f"{name}.yaml"
    levels = ", ".join(map(str, range(1, VARIANTS + 1)))
    file.write_text(STUDY.format(levels=levels, seeds=trials // VARIANTS), encoding="utf-8")
    return file


def ends(store: Store, study: str) -> list[tuple[float, float]]:
    """Start and end of each trial that is finished; read beside the server, so as not to keep it busy."""
    query = (
        "SELECT runs.start_time, runs.end_time FROM runs JOIN experiments USING (experiment_id)"
        " JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = 'ablate.kind' AND tags.value = 'trial'"
        " WHERE experiments.name = ? AND runs.status = 'FINISHED'"
    )
    with closing(sqlite3.connect(f"file:{store.mlflow / 'mlflow.db'}?mode=ro", uri=True)) as database:
        return [(start / 1000, end / 1000) for start, end in database.execute(query, (study,))]


def processes(launch: psutil.Process, server: psutil.Process) -> dict[str, list[psutil.Process]]:
    """The processes of which a launch has only one, each with what works for it."""
    family = {"driver": [launch], "MLflow": [server, *server.children(recursive=True)]}
    conductors = [one for one in launch.children() if "ablate.cluster.conductor" in " ".join(one.cmdline())]
    return {**family, "conductor": conductors[:1]}


def sample(store: Store, study: str, family: Mapping[str, Sequence[psutil.Process]]) -> Sample:
    times = {name: [one.cpu_times() for one in members] for name, members in family.items()}
    cpu = {name: sum(one.user + one.system for one in found) for name, found in times.items()}
    memory = {name: sum(one.memory_info().rss for one in members) / 1000 for name, members in family.items()}
    return Sample(len(ends(store, study)), {**cpu, "all": cpu_seconds()}, memory)


def launched(store: Store, uri: str, study: Path, trials: int, *options: str) -> Figures:
    """Launch a study and watch it until its last trial is finished."""
    environment = environment_of(store, uri, PYTHONPATH=search_path(store))
    log = store.root / f"{study.stem}.log"
    process = begin((*ABLATE, "launch", str(study), *options), environment, log)
    info = ServerInfo.load(store.server)
    assert info is not None, "the server was started by this process"
    launch, server = psutil.Process(process.pid), psutil.Process(info.process[0])
    samples: list[Sample] = []
    while process.poll() is None:
        try:
            seen = sample(store, study.stem, processes(launch, server))
        except psutil.NoSuchProcess:  # the launch has just ended
            continue
        if seen.finished and "conductor" in seen.memory and seen.memory["conductor"]:
            samples.append(seen)
        if seen.finished == trials:
            break
        time.sleep(0.5)  # MLflow sends no notice of a change
    if process.wait() or not samples:
        sys.exit(log.read_text(encoding="utf-8"))
    times = ends(store, study.stem)
    seconds = max(end for _, end in times) - min(start for start, _ in times)
    return Figures(seconds / trials, samples)


def on_raylets(cpus: Sequence[int], trials: int) -> Figures:
    """The figures of a launch on a cluster of its own, with a server of its own."""
    with serving() as (store, uri):
        install(store.root / "plugin")
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = search_path(store)  # which the raylets' workers inherit
        with raylets(cpus) as address:
            os.environ["PYTHONPATH"] = before or ""
            return launched(store, uri, write_study(store, "idle", trials), trials, "--address", address)


def compare(trials: int, slots: int) -> bool:
    """Print the figures of one raylet and of as many as there are slots; whether all goals are met."""
    one, many = on_raylets([slots], trials), on_raylets([1] * slots, trials)
    for name, figures in (("1 raylet", one), (f"{slots} raylets", many)):
        print(f"{name}: {figures.seconds:.3f} s and {figures.cpu:.3f} CPU s per trial", flush=True)
    ratio = many.seconds / one.seconds
    growth = {name: max(one.growth(name), many.growth(name)) for name in ("driver", "conductor")}
    early, late = many.cpu_per_trial("MLflow", 0.25, 0.5), many.cpu_per_trial("MLflow", 0.75, 1.0)
    print(f"{slots} raylets take {ratio:.2f} times as long as one (goal {SLOWER})")
    print(f"growth per trial: {', '.join(f'{name} {kb:.1f} KB' for name, kb in growth.items())} (goal {GROWTH:.0f} KB)")
    print(f"MLflow: {early:.4f} CPU s per trial in the second quarter, {late:.4f} in the last (goal {FLAT} times)")
    spent = {name: many.cpu_per_trial(name) for name in ("driver", "conductor", "MLflow")}
    first = max(spent, key=lambda name: spent[name])
    print(f"CPU seconds per trial: {', '.join(f'{name} {cpu:.4f}' for name, cpu in spent.items())}")
    print(
        f"with {GPUS} GPUs and a core for each of these, {first} is busy all the time where trials take"
        f" {GPUS * spent[first]:.0f} s or less, and not the bottleneck where they take longer",
        flush=True,
    )
    return ratio <= SLOWER and max(growth.values()) <= GROWTH and late <= FLAT * early


def timed(store: Store, uri: str, *arguments: str) -> float:
    """Seconds of a command."""
    environment = environment_of(store, uri, PYTHONPATH=search_path(store))
    log, began = store.root / f"{arguments[0]}.log", time.monotonic()
    if begin((*ABLATE, *arguments), environment, log).wait():
        sys.exit(log.read_text(encoding="utf-8"))
    return time.monotonic() - began


def large(trials: int) -> None:
    """Plan, launch and report a large study on this machine, and launch it again."""
    with serving() as (store, uri):
        install(store.root / "plugin")
        study = write_study(store, "large", trials)
        print(f"{trials} trials: planned in {timed(store, uri, 'plan', str(study), '--no-measure'):.1f} s", flush=True)
        began = time.monotonic()
        figures = launched(store, uri, study, trials)
        whole = time.monotonic() - began
        closing_took = whole - figures.seconds * trials
        print(f"launched in {whole:.0f} s, of which {closing_took:.0f} s before the first trial and after the last")
        growth = ", ".join(f"{name} {figures.growth(name):.1f} KB" for name in ("driver", "conductor"))
        print(f"{figures.seconds:.3f} s and {figures.cpu:.3f} CPU s per trial; growth per trial: {growth}", flush=True)
        print(f"reported in {timed(store, uri, 'report', str(study)):.1f} s", flush=True)
        print(f"launched again in {timed(store, uri, 'launch', str(study)):.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000, help=f"on raylets, a multiple of {VARIANTS}; 0: none")
    parser.add_argument("--slots", type=int, default=4, help="and raylets")
    parser.add_argument("--many", type=int, default=10_000, help=f"on this machine, a multiple of {VARIANTS}; 0: none")
    given = parser.parse_args()
    adopt_orphans()
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    met = not given.trials or compare(given.trials, given.slots)
    if given.many:
        large(given.many)
    sys.exit(not met)


if __name__ == "__main__":
    main()

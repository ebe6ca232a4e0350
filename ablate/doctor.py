"""Is this machine fit, and the cluster, and the server?  What is not comes with what to do about it."""

import importlib.metadata
import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ablate.errors import AblateError
from ablate.paths import Store, data_folder

GIGABYTE = 2**30
LEAST_DISK = 5 * GIGABYTE
LEAST_MEMORY = 4 * GIGABYTE
DASHBOARD = ("aiohttp_cors", "prometheus_client", "smart_open", "virtualenv")  # what ray[default] adds to ray[tune]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    fit: bool
    found: str
    remedy: str = ""


def examine(store: Store, address: str = "") -> list[Finding]:
    """Look at everything that a launch needs; nothing is started but what is stopped again."""
    looks: list[Callable[[], Finding]] = [
        python,
        packages,
        ray_whole,
        lambda: disk(store.root),
        memory,
        cores,
        gpus,
        lambda: cluster(address),
        lambda: server(store),
        lambda: data(data_folder()),
    ]
    return [look() for look in looks]


def python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), found, "install Python 3.11 or newer")


def packages() -> Finding:
    """Whether every package that ablate asks for is there, new enough."""
    wrong = list(outdated())
    remedy = f"pip install --upgrade {' '.join(repr(need) for need, _ in wrong)}"
    found = "; ".join(f"{need} wanted, {have} found" for need, have in wrong)
    return Finding("packages", not wrong, found or "all there", remedy)


def outdated() -> Iterator[tuple[str, str]]:
    """What ablate itself needs, extras apart, and the version that stands in its place."""
    from packaging.requirements import Requirement

    for need in map(Requirement, importlib.metadata.requires("ablate") or []):
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        try:
            have = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            have = "none"
        if have == "none" or not need.specifier.contains(have, prereleases=True):
            yield str(need), have


def ray_whole() -> Finding:
    missing = [name for name in DASHBOARD if not importlib.util.find_spec(name)]
    found = f"without {', '.join(missing)}" if missing else "with its job server"
    return Finding("Ray", not missing, found, "pip install 'ray[tune,default]'")


def disk(folder: Path) -> Finding:
    """Room for the store, and whether it can be written."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        return Finding("store", False, f"{there} cannot be written", "name another folder with --storage")
    found = f"{free / GIGABYTE:.0f} GB free in {there}"
    return Finding("store", free > LEAST_DISK, found, "free some space, or name another folder with --storage")


def memory() -> Finding:
    free = psutil.virtual_memory().available
    remedy = "close something, or run fewer trials side by side: --set resources.cpu=2"
    return Finding("memory", free > LEAST_MEMORY, f"{free / GIGABYTE:.0f} GB available", remedy)


def cores() -> Finding:
    count = len(os.sched_getaffinity(0))
    return Finding("cores", count >= 2, f"{count}", "with one core, driver and trial take turns: expect half speed")


def gpus() -> Finding:
    """What torch sees; none is fine, a driver that torch cannot use is not."""
    import torch

    count = torch.cuda.device_count()
    if count:
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(count))
        return Finding("GPUs", True, names)
    driver = Path("/proc/driver/nvidia/version").exists()
    remedy = (
        "torch and the NVIDIA driver do not fit each other: update the driver, or install torch for its CUDA version"
    )
    return Finding("GPUs", not driver, "none that torch can use" if driver else "none; trials run on the CPU", remedy)


def cluster(address: str) -> Finding:
    """A cluster that is named must answer."""
    if not address:
        return Finding("cluster", True, "none named; a launch starts Ray on this machine")
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        living = [node for node in ray.nodes() if node["Alive"]]
        return Finding("cluster", bool(living), f"{len(living)} nodes at {address}", "start its nodes")
    except (ConnectionError, RuntimeError, ValueError) as error:
        remedy = "see whether the cluster runs, and whether its Ray and Python versions are these"
        return Finding("cluster", False, f"{address} does not answer: {error}".splitlines()[0], remedy)
    finally:
        ray.shutdown()


def server(store: Store) -> Finding:
    """The server that the environment names must answer; without one a launch starts its own."""
    from ablate.track.server import check

    given = os.environ.get("MLFLOW_TRACKING_URI")
    if not given:
        return Finding("MLflow", True, f"none named; a launch starts one in {store.mlflow}")
    try:
        check(given)
    except AblateError as error:
        return Finding("MLflow", False, error.problem, error.remedy)
    return Finding("MLflow", True, "answers")


def data(folder: Path) -> Finding:
    """Where original files are looked for, and what is there."""
    from ablate.data import DATASETS

    there = [name for name, dataset in DATASETS.items() if all((folder / file.path).exists() for file in dataset.files)]
    found = f"{', '.join(there)} in {folder}"
    given = os.environ.get("ABLATE_DATA")
    return Finding(
        "data", not given or folder.is_dir(), found, f"ABLATE_DATA names {folder}, and there is no such folder"
    )

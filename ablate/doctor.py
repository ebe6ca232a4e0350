"""The checks of `ablate doctor`: this machine, the installed packages, the cluster, the server and the data."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ablate.errors import AblateError
from ablate.paths import Store, data_folder
from ablate.permissions import store_permissions
from ablate.plural import counted

if TYPE_CHECKING:
    from ablate.cluster.node_report import NodeReport

GIGABYTE = 2**30
LEAST_DISK = 5 * GIGABYTE
LEAST_MEMORY = 4 * GIGABYTE
PATIENCE = 5.0  # seconds in which the cluster has to accept a connection
FREE_DISK = "free some space, or name another folder with --storage"
INCOMPATIBLE = "torch and the NVIDIA driver are incompatible: update the driver, or install torch for its CUDA version"
DASHBOARD = ("aiohttp_cors", "prometheus_client", "smart_open", "virtualenv")  # what ray[default] adds to ray[tune]


@dataclass(frozen=True)
class HealthCheck:
    """The result of one check, with a remedy where it failed."""

    what: str  # the name of the check
    fit: bool  # whether it was passed
    found: str
    remedy: str = ""  # empty where the check was passed


def health_check(what: str, fit: bool, found: str, remedy: str) -> HealthCheck:
    """The result of a check that names its remedy whether it was passed or not."""
    return HealthCheck(what, fit, found, "" if fit else remedy)


def unfit(what: str, error: AblateError) -> HealthCheck:
    """The result of a check that ended with this error."""
    return HealthCheck(what, False, f"{error.place}: {error.problem}", error.remedy)


def examine(store: Store, address: str = "") -> list[HealthCheck]:
    """Check everything that a launch needs.  No process is left running."""
    checks: list[Callable[[], HealthCheck]] = [
        python,
        packages,
        plugins,
        ray_extras,
        temporary_folder,
        lambda: disk(store.root),
        memory,
        cores,
        gpus,
        lambda: server(store),
        *([searches] if os.environ.get("ABLATE_OPTUNA_STORAGE") else []),
        data,
        weights,
    ]
    return [*(check() for check in checks), *cluster(store, address)]


def python() -> HealthCheck:
    found = ".".join(map(str, sys.version_info[:3]))
    return health_check("Python", sys.version_info >= (3, 11), found, "install Python 3.11 or newer")


def packages() -> HealthCheck:
    """Whether every package that ablate requires is installed in a version that it accepts."""
    unmet = list(unmet_requirements())
    remedy = f"pip install --upgrade {' '.join(repr(required) for required, _ in unmet)}"
    found = "; ".join(f"{required} required, {installed} installed" for required, installed in unmet)
    return health_check("packages", not unmet, found or "all installed", remedy)


def unmet_requirements() -> Iterator[tuple[str, str]]:
    """The requirements of ablate, without its extras, that are not met, each with the installed version or `none`."""
    from packaging.requirements import Requirement

    for requirement in map(Requirement, importlib.metadata.requires("ablate") or []):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            version = "none"
        if version == "none" or not requirement.specifier.contains(version, prereleases=True):
            yield str(requirement), version


def plugins() -> HealthCheck:
    """Whether the methods, data sets, probes, augmentations, papers and targets of installed packages can be used."""
    from ablate.catalog import TABLES, registry
    from ablate.submit.target import targets

    registries = [*map(registry, TABLES), targets()]
    refused = [row for one in registries for row in one.refused]
    if refused:
        remedies = dict.fromkeys(row.remedy for row in refused)
        return HealthCheck("plugins", False, "; ".join(map(str, refused)), "; ".join(remedies))
    added = [f"{one.kind} '{name}' of {package}" for one in registries for name, package in one.packages.items()]
    return HealthCheck("plugins", True, ", ".join(added) or "none installed")


def ray_extras() -> HealthCheck:
    """Whether Ray is installed with its dashboard, which `ray[default]` adds."""
    missing = [name for name in DASHBOARD if not importlib.util.find_spec(name)]
    found = f"without {', '.join(missing)}" if missing else "with its dashboard"
    return health_check("Ray", not missing, found, "pip install 'ray[tune,default]'")


def temporary_folder() -> HealthCheck:
    """Whether Ray's sockets fit below the folder for temporary files."""
    from ablate.cluster.ray_environment import long_temporary_folder

    long = long_temporary_folder()
    found = f"{long} is too long a path for Ray's sockets" if long else "short enough for Ray's sockets"
    return health_check("temporary", not long, found, "set RAY_TMPDIR=/tmp, or to another short path")


def disk(folder: Path) -> HealthCheck:
    """Whether the store's folder can be written and has free space."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if not os.access(existing, os.W_OK):
        return HealthCheck("store", False, f"{existing} cannot be written", "name another folder with --storage")
    found = f"{free / GIGABYTE:.0f} GB free in {existing}"
    return health_check("store", free > LEAST_DISK, found, FREE_DISK)


def memory() -> HealthCheck:
    free = psutil.virtual_memory().available
    remedy = "close other programs, or run fewer trials side by side: --set resources.cpu=2"
    return health_check("memory", free > LEAST_MEMORY, f"{free / GIGABYTE:.0f} GB available", remedy)


def cores() -> HealthCheck:
    count = len(os.sched_getaffinity(0))
    remedy = "with one core, the driver and the trials share it: expect half the speed"
    return health_check("cores", count >= 2, f"{count}", remedy)


def searches() -> HealthCheck:
    """Whether the database that searches share answers and lets its user in."""
    from ablate.search.storage import open_shared, place, shared_address

    try:
        open_shared(shared_address())
    except AblateError as error:
        return HealthCheck("searches", False, error.problem, error.remedy)
    return HealthCheck("searches", True, place())


def gpus() -> HealthCheck:
    """The GPUs that torch can use.  Having none is fine; having an NVIDIA driver that torch cannot use is not."""
    import torch

    count = torch.cuda.device_count()
    if count:
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(count))
        return HealthCheck("GPUs", True, names)
    from ablate.cluster.node_report import DRIVER

    if not DRIVER.exists():
        return HealthCheck("GPUs", True, "none; trials run on the CPU")
    return HealthCheck("GPUs", False, "none that torch can use", INCOMPATIBLE)


def cluster(store: Store, address: str) -> list[HealthCheck]:
    """Whether the cluster at the address, else the one that RAY_ADDRESS names, answers, and what each node has."""
    from ablate.cluster.ray_environment import cluster_address, ray_environment

    named = "" if address else " (RAY_ADDRESS)"
    try:
        address = cluster_address(address)
        ray_environment(address)
    except AblateError as error:
        return [unfit("cluster", error)]
    if not address:
        return [HealthCheck("cluster", True, "no address given; a launch starts Ray on this machine")]
    import ray

    from ablate.cluster.ray_cluster import first_line, join, live_nodes

    try:
        join(address, PATIENCE)
        alive = live_nodes()
        found = f"{counted(len(alive), 'node')} at {address}{named}"
        return [health_check("cluster", bool(alive), found, "start its nodes"), *cluster_nodes(store, alive)]
    except AblateError as error:
        return [HealthCheck("cluster", False, f"{address}{named}: {error.problem}", error.remedy)]
    except (ConnectionError, RuntimeError, ValueError) as error:  # of Ray, where the cluster ends meanwhile
        return [HealthCheck("cluster", False, f"{address}{named}: {first_line(error)}", "see whether it runs still")]
    finally:
        ray.shutdown()


def cluster_nodes(store: Store, nodes: list[Any]) -> Iterator[HealthCheck]:
    """For each node of the cluster that this process has joined: what it has, and what a launch would refuse."""
    from ablate.cluster.joining import NodeCheck, compared_reports
    from ablate.cluster.worker_environment import write_environment

    named = {node["NodeName"]: node for node in nodes}
    with store_permissions(store):
        environment = store.root / f".environment-{os.getpid()}.json"
        write_environment(environment)
        try:
            check = NodeCheck(store.root, store.root, environment, gpus=True)
            reports = list(compared_reports(nodes, check, lambda: None))
        finally:
            environment.unlink(missing_ok=True)
    for report in reports:
        node = named[report.node]
        resources = ", ".join(f"{node['Resources'].get(kind, 0):g} {kind}s" for kind in ("CPU", "GPU"))
        has = f"{resources}, {report.disk:.0f} GB free, data: {', '.join(report.datasets) or 'none'}"
        problem, remedy = shortcoming(report, node["Resources"].get("GPU", 0))
        yield HealthCheck(f"node {report.node}", not problem, f"{problem} ({has})" if problem else has, remedy)


def shortcoming(report: "NodeReport", gpus: float) -> tuple[str, str]:
    """Why a node of which Ray counts so many GPUs does not fit, and the remedy; empty where it does."""
    if report.problem:
        return report.problem, report.remedy
    if report.disk * GIGABYTE <= LEAST_DISK:
        return "little free disk space", FREE_DISK
    if report.gpus == 0 or (report.gpus or 0) < gpus:
        return f"torch can use {report.gpus or 'none'} of its GPUs", INCOMPATIBLE
    return "", ""


def server(store: Store) -> HealthCheck:
    """Whether the server that MLFLOW_TRACKING_URI names answers; where it is not set, a launch starts its own."""
    from ablate.track.named_server import named_server
    from ablate.track.server import check_server

    try:
        address = named_server()
        if not address:
            return HealthCheck("MLflow", True, f"no address given; a launch starts a server in {store.mlflow}")
        check_server(address)
    except AblateError as error:
        return unfit("MLflow", error)
    return HealthCheck("MLflow", True, "answers")


def data() -> HealthCheck:
    """The data sets whose original files are all in their folder; unfit where ABLATE_DATA names a missing folder."""
    from ablate.data import DATASETS

    try:
        folder = data_folder()
    except AblateError as error:
        return unfit("data", error)
    complete = [name for name, dataset in DATASETS.items() if all(file.find(folder).exists() for file in dataset.files)]
    fit = "ABLATE_DATA" not in os.environ or folder.is_dir()
    remedy = f"create the folder {folder} or set ABLATE_DATA to another"
    return health_check("data", fit, f"{', '.join(complete)} in {folder}", remedy)


def weights() -> HealthCheck:
    """The weights of networks that probes use; missing ones are downloaded where a study needs them."""
    from ablate.probes import PROBES

    found, damaged = [], []
    for one in dict.fromkeys(needed for probe in PROBES.values() for needed in probe().weights()):
        try:
            found.append(f"{one.what} are {'there' if one.is_whole() else 'downloaded when a study needs them'}")
        except AblateError as error:
            damaged.append(error)
    if damaged:
        return unfit("weights", damaged[0])
    return HealthCheck("weights", True, "; ".join(found) or "no probe needs any")

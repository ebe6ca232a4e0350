"""What a node of a cluster has: its packages, its copy of ablate, and whether it sees the store."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path

from ablate.catalog import TABLES
from ablate.codec import Codec
from ablate.errors import DataError, ServiceAway, ServiceError, StudyError
from ablate.paths import Store, data_folder, existing_part

PACKAGES = ("ablate", "torch", "ray", "mlflow", "numpy", "scikit-learn")
CODE = (".py", ".yaml", ".csv", ".jinja")
DRIVER = Path("/proc/driver/nvidia/version")
SHARED = "name a folder that all nodes share with --storage"


@dataclass(frozen=True)
class NodeReport:
    """What a node has that must be the same on all nodes, and what it could not do."""

    node: str  # its address
    versions: dict[str, str]  # package or `Python` → version
    code: dict[str, str]  # package whose code decides results → digest of its files
    problem: str = ""
    remedy: str = ""
    away: bool = False  # whether the problem is a service that may answer later
    disk: float = 0.0  # free GiB where its tensors are
    datasets: tuple[str, ...] = ()  # whose original files it has
    gpus: int | None = None  # that torch can use; None where there is no NVIDIA driver, or this was not asked


REPORTS: Codec[NodeReport] = Codec({"node": NodeReport}, version=1)


def versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package).partition("+")[0]  # a build for another accelerator is the same version
        except PackageNotFoundError:
            found[package] = "none"
    return found


def code() -> dict[str, str]:
    """Digests of ablate's own files and of those of its plugins, as they are, also of an editable installation."""
    entries = [entry for table in TABLES for entry in entry_points(group=f"ablate.{table}")]
    modules = {entry.module.partition(".")[0] for entry in entries}
    return {module: code_digest(module) for module in sorted({"ablate", *modules})}


def own_report() -> NodeReport:
    """What all nodes must have."""
    return NodeReport("here", versions(), code())


def encoded_own_report() -> str:
    return REPORTS.encode(own_report())


def require_same(wanted: str, folder: Path) -> None:
    """Raise ServiceError where this node differs from an encoded report, or does not see the study's folder.

    The driver checks nodes before it uses them; a worker that waited for a node may be placed before that.
    """
    if different := differences(REPORTS.decode(wanted), own_report()):
        raise ServiceError(f"the node has {', '.join(different)}", "install the same on every node")
    if not folder.exists():
        raise ServiceError(f"the node does not see {folder}", SHARED)


def code_digest(module: str) -> str:
    """The digest of a package's files, or of a single module; `none` where it is not installed."""
    spec = find_spec(module)
    if spec is None:
        return "none"
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    found = {file.relative_to(folder).as_posix(): file for folder in folders for file in folder.rglob("*")}
    if not folders and spec.origin:
        found = {Path(spec.origin).name: Path(spec.origin)}
    whole = hashlib.sha256()
    for name, file in sorted(found.items()):
        if file.suffix in CODE and file.is_file():
            whole.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return whole.hexdigest()[:16]


def report_of_node(
    node: str,
    shared: str,
    mark: str,
    environment: str,
    store: str,
    data: Mapping[str, str],
    patience: float,
    count_gpus: bool = False,
) -> str:
    """This node's report, as a line; `mark` is the name of a file that the driver's node has written into the folder.

    An MLflow server that does not answer is asked again for `patience` seconds.  Data sets (name → content) that the
    node lacks are copied from the store, or downloaded and decoded, as its workers would do.  Counting GPUs
    takes seconds.

    Runs as a Ray task on the node, and answers in the folder by a file of its own, which the driver's node looks for.
    """
    from ablate.cluster.worker_environment import apply_environment

    folder = Path(shared)
    problem, remedy, away = "", "", False
    try:
        if not (folder / mark).exists():
            problem = f"the node does not see {folder}"
        else:
            (folder / f"{mark}-{node}").write_text(mark, encoding="utf-8")
    except OSError as error:
        problem = f"the node cannot write to {folder}: {error.strerror}"
    if problem:
        remedy = SHARED
    else:
        apply_environment(Path(environment))
        problem, remedy, away = mlflow_problem(patience)
    paths = Store(Path(store))
    if not problem:
        problem, remedy = data_problem(data, paths)
    disk = shutil.disk_usage(existing_part(paths.tensors)).free / 2**30
    found = (disk, complete_datasets(), usable_gpus() if count_gpus else None)
    return REPORTS.encode(NodeReport(node, versions(), code(), problem, remedy, away, *found))


def usable_gpus() -> int | None:
    """The GPUs of this node that torch can use; None where there is no NVIDIA driver.

    A process of its own counts them: Ray hides the GPUs from a task that has asked for none.
    """
    if not DRIVER.exists():
        return None
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    count = [sys.executable, "-P", "-c", "import torch; print(torch.cuda.device_count())"]
    done = subprocess.run(count, env=environment, capture_output=True, encoding="utf-8", errors="replace")
    return int(done.stdout) if done.returncode == 0 else 0


def complete_datasets() -> tuple[str, ...]:
    """The data sets whose original files are all on this node."""
    from ablate.data import DATASETS

    folder = data_folder()
    return tuple(name for name, one in DATASETS.items() if all(file.find(folder).exists() for file in one.files))


def data_problem(data: Mapping[str, str], store: Store) -> tuple[str, str]:
    """Why this node cannot get one of these data sets, and the remedy; empty where it has all of them afterwards."""
    from ablate.data.cache import cache_data

    for name, content in data.items():
        try:
            cache_data(name, store.tensors, content, store.shared_tensors)
        except DataError as error:
            problem = f"the node lacks the data set '{name}': {error.place}: {error.problem}"
            return problem, f"{error.remedy}, on that node"
    return "", ""


def mlflow_problem(patience: float) -> tuple[str, str, bool]:
    """Why this node cannot use the MLflow server, the remedy, and whether it may pass; empty where it can.

    It can, too, where no server is named.
    """
    from ablate.track.named_server import named_server
    from ablate.track.server import check_server

    try:
        if uri := named_server():
            check_server(uri, patience)
    except (ServiceError, StudyError) as error:
        return error.problem, f"{error.remedy}, as seen from that node", isinstance(error, ServiceAway)
    return "", "", False


def differences(own: NodeReport, other: NodeReport) -> list[str]:
    """How a node differs from the driver's in what decides results."""
    found = [
        f"{name} {other.versions.get(name, 'none')} (here {wanted})"
        for name, wanted in own.versions.items()
        if other.versions.get(name) != wanted
    ]
    changed = [name for name, wanted in own.code.items() if other.code.get(name) != wanted]
    return found + [f"other code of {name}" for name in changed]

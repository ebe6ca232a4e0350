"""What a node of a cluster has: its packages, its copy of ablate, and whether it sees the store."""

import hashlib
import platform
import shutil
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
    node: str, shared: str, mark: str, environment: str, store: str, data: Mapping[str, str], patience: float
) -> str:
    """This node's report, as a line; `mark` is the name of a file that the driver's node has written into the folder.

    An MLflow server that does not answer is asked again for `patience` seconds.  Data sets (name → content) that the
    node lacks are downloaded and decoded, as its workers would do.

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
    tensors = Store(Path(store)).tensors
    if not problem:
        problem, remedy = data_problem(data, tensors)
    disk = shutil.disk_usage(existing_part(tensors)).free / 2**30
    return REPORTS.encode(NodeReport(node, versions(), code(), problem, remedy, away, disk, complete_datasets()))


def complete_datasets() -> tuple[str, ...]:
    """The data sets whose original files are all on this node."""
    from ablate.data import DATASETS

    folder = data_folder()
    return tuple(name for name, one in DATASETS.items() if all(file.find(folder).exists() for file in one.files))


def data_problem(data: Mapping[str, str], tensors: Path) -> tuple[str, str]:
    """Why this node cannot get one of these data sets, and the remedy; empty where it has all of them afterwards."""
    from ablate.data.cache import cache_data

    for name, content in data.items():
        try:
            cache_data(name, tensors, content)
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

"""What must hold of a cluster before a launch starts anything on it: enough nodes, all with the same code and store."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ablate.cluster.node_report import REPORTS, SHARED, NodeReport, differences, own_report, report_of_node
from ablate.cluster.ray_cluster import first_line, live_nodes, node_lives
from ablate.errors import ServiceAway, ServiceError, StudyError
from ablate.launch_config import ClusterRequest
from ablate.paths import StudyPaths
from ablate.patience import LAUNCH, SHORT

LIMIT = 180.0  # seconds for the answers of all nodes, beside waiting for MLflow: a node starts a process for it
DATA = 600.0  # seconds more, in which a node may download and decode data sets
LOOK = 1.0  # seconds between two looks at the nodes


@dataclass(frozen=True)
class NodeCheck:
    """What every node must see, and have or fetch."""

    store: Path
    folder: Path  # the study's
    environment: Path  # the file of variables for workers
    data: Mapping[str, str] = field(default_factory=dict)  # data set → content
    gpus: bool = False  # whether the GPUs are counted that torch can use there

    @classmethod
    def of(cls, request: ClusterRequest) -> "NodeCheck":
        folder = Path(request.folder)
        return cls(StudyPaths(folder).store.root, folder, Path(request.environment), request.data)


def require_cluster(request: ClusterRequest, waiting: Callable[[int], None]) -> frozenset[str]:
    """The ids of the nodes, which fit the launch; `waiting` is called with it every second that one waits for more.

    Raises ServiceError or StudyError, which names the node.
    """
    deadline = time.monotonic() + request.wait
    while True:
        found = await_nodes(request, deadline, waiting)
        if request.embedded and len(found) > 1:
            raise StudyError(
                f"the cluster has {len(found)} nodes, and the embedded MLflow server can be reached from this one only",
                "set MLFLOW_TRACKING_URI to a server on PostgreSQL",
                "--address",
            )
        count = fitting_nodes(found, NodeCheck.of(request), partial(waiting, len(found)))
        if count == len(found):
            return frozenset(node["NodeID"] for node in found)  # else some have died meanwhile


def await_nodes(request: ClusterRequest, deadline: float, waiting: Callable[[int], None]) -> list[Any]:
    """The live nodes, once there are as many as wanted; those without CPUs, such as a head, are not counted."""
    while True:
        found = live_nodes()
        able = sum(node["Resources"].get("CPU", 0) > 0 for node in found)
        if able >= request.least_nodes:
            return found
        if time.monotonic() >= deadline:
            raise ServiceAway(
                f"the cluster has {able} of at least {request.least_nodes} nodes after {request.wait:g} s",
                "start the others, or wait longer with --wait",
                "--min-nodes",
            )
        waiting(able)
        time.sleep(LOOK)


def fitting_nodes(found: list[Any], check: NodeCheck, waiting: Callable[[], None]) -> int:
    """The number of these nodes that are alive.

    Raises ServiceError where one has other code, does not see the folder, is not let in by MLflow or cannot get the
    data, and ServiceAway where MLflow does not answer it.
    """
    reports = list(compared_reports(found, check, waiting, LAUNCH))
    for report in reports:
        if report.problem:
            kind = ServiceAway if report.away else ServiceError
            raise kind(report.problem, report.remedy, report.node)
    return len(reports)


def joined_reports(joined: Sequence[Any], check: NodeCheck) -> list[NodeReport]:
    """The reports of nodes that have joined while a launch runs, of those that are alive."""
    return list(compared_reports(list(joined), check, lambda: None))


def compared_reports(
    found: list[Any], check: NodeCheck, waiting: Callable[[], None], patience: float = SHORT
) -> Iterator[NodeReport]:
    """The report of each node that is alive, with a problem too where it differs from here or sees another folder.

    An MLflow server that does not answer a node is asked again for `patience` seconds.
    """
    mark, folder = f".nodes-{secrets.token_hex(8)}", check.folder
    (folder / mark).write_text(mark, encoding="utf-8")
    try:
        own = own_report()
        for report in reports_of(found, own, check, mark, waiting, patience):
            if different := differences(own, report):
                problem = f"the node has {', '.join(different)}"
                yield replace(report, problem=problem, remedy="install the same on every node")
            elif not report.problem and not (folder / f"{mark}-{report.node}").exists():
                problem, remedy = f"{folder} is another folder there than here", SHARED
                yield replace(report, problem=problem, remedy=remedy)
            else:
                yield report
    finally:
        for file in folder.glob(f"{mark}*"):
            file.unlink(missing_ok=True)


def reports_of(
    found: list[Any], own: NodeReport, check: NodeCheck, mark: str, waiting: Callable[[], None], patience: float
) -> list[NodeReport]:
    """The reports of nodes that are alive, each made by a task there (`report_of_node`).

    One that can make none has `own`, with the problem.
    """
    task: Any = ray.remote(num_cpus=0, max_retries=0)(report_of_node)  # typed for fewer arguments
    given = (str(check.folder), mark, str(check.environment), str(check.store), dict(check.data), patience, check.gpus)
    asked = {}
    for node in found:
        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked[node["NodeID"]] = task.options(scheduling_strategy=here).remote(node["NodeName"], *given)
    limit = LIMIT + patience + (DATA if check.data else 0.0)
    left, deadline = list(asked.values()), time.monotonic() + limit
    while left and time.monotonic() < deadline:
        _, left = ray.wait(left, num_returns=len(left), timeout=LOOK)
        waiting()
    answers = [answer_of(node, own, asked[node["NodeID"]]) for node in found]
    return [answer for answer in answers if answer is not None]


def answer_of(node: Any, own: NodeReport, reference: Any) -> NodeReport | None:
    """A node's report; `own` with the problem where it cannot make any, as without ablate; None where it has died."""
    try:
        return REPORTS.decode(ray.get(reference, timeout=0.1))
    except Exception as error:  # of Ray, or whatever the import of ablate raises there
        if not node_lives(node["NodeID"]):
            return None
        problem = f"the node cannot run ablate: {first_line(getattr(error, 'cause', None) or error)}"
        remedy = "install ablate there as here, or remove the node"
        return replace(own, node=node["NodeName"], problem=problem, remedy=remedy)

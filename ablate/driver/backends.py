"""What a launch uses to run packs and to store records: Ray and MLflow, or replacements in tests."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ablate.cluster.executor import Executor
from ablate.cluster.ray_environment import require_short_temporary_folder
from ablate.cluster.supervisor import RayExecutor
from ablate.cluster.worker_environment import write_environment
from ablate.driver.launch_options import Options
from ablate.launch_config import ClusterRequest
from ablate.paths import Store, StudyPaths
from ablate.patience import LAUNCH
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import Server, ensure_server
from ablate.track.store import TrackingStore
from ablate.track.ui import reading_address


@dataclass(frozen=True)
class Backends:
    """How a launch gets its executor, its server and its tracking store."""

    executor: Callable[[StudyPaths, Options], Executor]
    server: Callable[[Store], Server]  # starts the server, or finds it running
    address: Callable[[Store], str]  # where records can be read without starting anything; empty: nowhere
    tracking: Callable[[str, str], TrackingStore]  # by the server's address, and the one to read from


def ray_executor(paths: StudyPaths, options: Options) -> Executor:
    if not options.cluster:
        require_short_temporary_folder()
        return RayExecutor(paths.log, "")
    write_environment(paths.environment)
    embedded = not os.environ.get("MLFLOW_TRACKING_URI")
    request = ClusterRequest(str(paths.folder), str(paths.environment), embedded, options.min_nodes, options.wait)
    return RayExecutor(paths.log, options.cluster, request)


def launch_store(uri: str, read_from: str) -> MlflowStore:
    """The store of a launch, patient with a server that the user named; the embedded one is started again instead."""
    return MlflowStore(uri, read_from, patience=LAUNCH if os.environ.get("MLFLOW_TRACKING_URI") else 0.0)


RAY_AND_MLFLOW = Backends(
    ray_executor,
    partial(ensure_server, patience=LAUNCH),
    reading_address,
    launch_store,
)

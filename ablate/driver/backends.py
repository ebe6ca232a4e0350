"""What a launch uses to run packs and to store records: Ray and MLflow, or replacements in tests."""

from collections.abc import Callable
from dataclasses import dataclass

from ablate.cluster.executor import Executor
from ablate.cluster.ray_environment import require_short_temporary_folder
from ablate.cluster.supervisor import RayExecutor
from ablate.paths import Store, StudyPaths
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import Server, ensure_server
from ablate.track.store import TrackingStore
from ablate.track.ui import reading_address


@dataclass(frozen=True)
class Backends:
    """How a launch gets its executor, its server and its tracking store."""

    executor: Callable[[StudyPaths, str], Executor]  # a study's files, address of a cluster → executor
    server: Callable[[Store], Server]  # starts the server, or finds it running
    address: Callable[[Store], str]  # where records can be read without starting anything; empty: nowhere
    tracking: Callable[[str], TrackingStore]  # by the server's address


def ray_executor(paths: StudyPaths, address: str) -> Executor:
    if not address:
        require_short_temporary_folder()
    return RayExecutor(paths.log, address)


RAY_AND_MLFLOW = Backends(ray_executor, ensure_server, reading_address, MlflowStore)

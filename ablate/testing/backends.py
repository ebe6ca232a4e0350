"""Backends without Ray and MLflow, with which tests launch studies in their own process."""

from ablate.driver.backends import Backends
from ablate.paths import Store
from ablate.testing.executor import InProcessExecutor
from ablate.testing.memory import MemoryStore
from ablate.track.server import Server


def in_process_backends(tracking: MemoryStore) -> Backends:
    """An executor in the calling process, and records in this store, which successive launches share."""

    def server(store: Store) -> Server:
        return Server(tracking.uri, None, started_here=False)

    def address(store: Store) -> str:
        return tracking.uri if tracking.snapshots else ""

    return Backends(InProcessExecutor, server, address, lambda uri, read_from: tracking)

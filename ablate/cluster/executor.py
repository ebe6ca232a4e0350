"""The interface of what runs the packs of a launch: Ray, or the calling process in tests."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from ablate.errors import ServiceAway
from ablate.events import Message
from ablate.launch_config import LaunchConfig


class Executor(ABC):
    """Runs the packs of a launch; its processes start when it is created."""

    @abstractmethod
    def run(self, config: LaunchConfig) -> Iterator[Message]:
        """The messages of the launch, to its end.

        Raises ExecutorDied where Ray has died, after which a new executor may run what is left, and the AblateError
        with which the launch is refused.
        """

    def require_cluster(self, data: Mapping[str, str]) -> None:  # noqa: B027  # nothing to check without a cluster
        """Wait until the cluster is known to fit the launch of a study that needs this data (data set → content).

        Raises the AblateError with which it is refused.
        """

    @abstractmethod
    def kill(self) -> None:
        """End all its processes at once; does nothing where they have ended."""


class ExecutorDied(ServiceAway):
    """Ray has died during a launch; finished trials and checkpoints are kept."""

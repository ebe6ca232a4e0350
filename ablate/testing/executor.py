"""An executor without Ray: packs run one after another in the calling process."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import torch

from ablate.cluster.executor import Executor, ExecutorDied
from ablate.cluster.study_dispatcher import study_dispatcher
from ablate.events import Message, Ready
from ablate.launch_config import LaunchConfig, PackConfig
from ablate.paths import Store, StudyPaths
from ablate.run import run_pack
from ablate.run_context import RunContext
from ablate.stopping import stop_request
from ablate.study.model import Resources
from ablate.study.read import read_study
from ablate.track.spool import SpoolTracker

CPU_ONLY = Resources()  # whatever the study asks for


class InProcessExecutor(Executor):
    """Runs packs on the CPU as a worker does, through the same queue; messages are yielded as they arise.

    Between two messages a test may write stop requests or change files, as another process would.
    """

    def __init__(self, paths: StudyPaths, options: object = None) -> None:
        self.paths = paths
        self.sent: deque[Message] = deque()
        self.killed = False

    def run(self, config: LaunchConfig) -> Iterator[Message]:
        study = read_study(config.study)
        dispatcher = study_dispatcher(config, study, CPU_ONLY, self.paths, self.sent.append)
        yield Ready(slots=1, nodes=1)
        while (pack := dispatcher.next("pack")) is not None:
            dispatcher.begin("pack")
            with SpoolTracker(self.paths, {"pack": str(len(pack.trials))}, pack.run_refs) as tracker:
                for update in run_pack(pack.trials, self.context(pack, tracker)):
                    dispatcher.receive(update)
                    yield from self.drain()
            dispatcher.complete("pack", died=False)
            yield from self.drain()

    def kill(self) -> None:
        """End the run at the next message, which is not yielded: there is no other process."""
        self.killed = True

    def context(self, pack: PackConfig, tracker: SpoolTracker) -> RunContext:
        return RunContext(
            paths=self.paths,
            tensors=Store(Path(pack.store)).tensors,
            tracker=tracker,
            device=torch.device("cpu"),
            checkpoint_every=pack.checkpoint_every,
            stop_request=lambda key: stop_request(self.paths, key),
            pretraining=frozenset(pack.pretraining),
            interim=pack.interim,
        )

    def drain(self) -> Iterator[Message]:
        while self.sent:
            if self.killed:
                raise ExecutorDied("the executor was killed")
            yield self.sent.popleft()

"""The queue of packs as a Ray Tune searcher: Tune takes configurations from it and passes results to it."""

from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.search import Searcher

from ablate.cluster.dispatch import Dispatcher
from ablate.events import MESSAGES
from ablate.launch_config import PACK_CONFIG


class PackSearcher(Searcher):
    """Passes packs from a dispatcher to Tune, and the workers' updates from Tune to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, node_lives: Callable[[str], bool] = lambda node: True) -> None:
        """`node_lives` tells whether the node with this id of Ray's is alive."""
        super().__init__(metric="pid", mode="max")
        self.dispatcher, self.node_lives = dispatcher, node_lives
        self.nodes: dict[str, str] = {}  # id of a pack, as Tune chose it → the node that runs it

    def suggest(self, trial_id: str) -> Any:
        """The next pack as a worker's configuration; None for 'not now', FINISHED when no pack will follow."""
        config = self.dispatcher.next(trial_id)
        if config is not None:
            return {"pack": PACK_CONFIG.encode(config)}
        return Searcher.FINISHED if self.dispatcher.exhausted else None

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        self.nodes[trial_id] = result["node"]
        for line in result["updates"].splitlines():
            self.dispatcher.receive(MESSAGES.decode(line))

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        if result and not error:
            self.on_trial_result(trial_id, result)
        node = self.nodes.pop(trial_id, "")
        self.dispatcher.complete(trial_id, died=error, with_its_node=error and bool(node) and not self.node_lives(node))

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ())  # Tune pickles its configuration, which is never restored

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: MLflow and Optuna's journal hold the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing: every launch plans anew."""

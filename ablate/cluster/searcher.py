"""The queue of packs as a Ray Tune searcher: Tune takes configurations from it and passes results to it."""

from collections.abc import Mapping
from typing import Any

from ray.tune.search import Searcher

from ablate.cluster.dispatch import Dispatcher
from ablate.events import MESSAGES
from ablate.launch_config import PACK_CONFIG


class PackSearcher(Searcher):
    """Passes packs from a dispatcher to Tune, and the workers' updates from Tune to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__(metric="pid", mode="max")
        self.dispatcher = dispatcher
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
        self.dispatcher.complete(trial_id, error, self.nodes.pop(trial_id, ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ())  # Tune pickles its configuration, which is never restored

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: MLflow and Optuna's journal hold the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing: every launch plans anew."""

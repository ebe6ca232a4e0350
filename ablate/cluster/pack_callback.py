"""What Ray Tune does with packs, passed to the dispatcher; and what it keeps of those that have ended, freed."""

from typing import Any

from ray import tune

from ablate.cluster.dispatch import Dispatcher


class PackCallback(tune.Callback):
    """Tells a dispatcher which packs have a worker, and drops what Tune would keep of those that have ended."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.ended: Any = None

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.dispatcher.begin(trial.trial_id)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Free what Tune keeps of every pack until the end of the round and then describes, some 40 KB.

        The pack that has ended last stays in Tune's list: of an empty one it would read the round's description.
        """
        kept = trial.run_metadata
        for held in (kept.metric_analysis, kept.metric_n_steps, kept.last_result, trial.config, trial.evaluated_params):
            held.clear()
        trial.experiment_tag = ""  # holds the configuration too
        trial.get_json_state = lambda: ("{}", "{}")  # nothing reads the description, which is removed
        if self.ended in trials:
            trials.remove(self.ended)
        self.ended = trial

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ())  # as with the searcher

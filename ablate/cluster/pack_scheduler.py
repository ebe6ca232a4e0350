"""Which pack gets a worker that has become free."""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler


class PackScheduler(FIFOScheduler):
    """Gives a free worker to the newest pack, and not to one for which a worker is starting already.

    Tune would kill the worker that starts.  Where packs take less time than the start of a worker, the first one that
    is ready would take all packs, and no other would ever become ready.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The newest pack that no worker has begun."""
        waiting = (pack for pack in reversed(tune_controller.get_trials()) if pack.status == Trial.PENDING)
        return next(waiting, None)

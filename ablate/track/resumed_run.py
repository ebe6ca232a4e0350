"""The contents of a run that a trial continues, so that no point is logged twice."""

from collections.abc import Mapping

from ablate.record import USAGE
from ablate.track import tags
from ablate.track.client_interface import Client
from ablate.track.curves import read_curve


class ResumedRun:
    """What a run held before more of the trial's spool was sent into it.

    `probes` (name → digest) are those that the trial is scored with now: scores of a probe whose digest differs from
    the run's are replaced.
    """

    def __init__(self, client: Client, run_id: str, probes: Mapping[str, str]) -> None:
        self.client = client
        self.run = client.get_run(run_id)
        recorded = tags.without_prefix(tags.PROBE, self.run.data.tags)
        self.rescored = tuple(f"{name}/" for name in probes if recorded.get(name, probes[name]) != probes[name])
        self.points: dict[str, dict[int, float]] = {}  # metric, as MLflow calls it → epoch → value

    def lacks(self, name: str, step: int, value: float) -> bool:
        """Whether the run lacks this point, or holds another score of a probe that has changed since.

        Points of usage have times of their own: MLflow ignores those that it has.
        """
        if name.startswith(USAGE):
            return True
        held = self._held(tags.metric_name(name))
        return step not in held or (name.startswith(self.rescored) and held[step] != value)

    def missing_params(self, params: Mapping[str, str]) -> dict[str, str]:
        """The params that the run lacks: MLflow refuses to change a value."""
        return {name: value for name, value in params.items() if name not in self.run.data.params}

    def _held(self, name: str) -> Mapping[int, float]:
        """Epoch → value of a metric, read from MLflow once."""
        if name not in self.run.data.metrics:
            return {}
        if name not in self.points:
            self.points[name] = dict(read_curve(self.client, self.run.info.run_id, name))
        return self.points[name]

"""What a launch has to do: the study's trials less those that MLflow has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ablate.run import probe_digests
from ablate.track.mlflow_store import TrialRecord
from ablate.trial import Trial

Standing = Literal["finished", "failed", "rescore", "resume", "new"]


@dataclass(frozen=True)
class Item:
    """One trial and how it stands."""

    trial: Trial
    standing: Standing
    known: TrialRecord | None = None

    @property
    def run(self) -> bool:
        """Whether this launch has to run it."""
        return self.standing in ("rescore", "resume", "new")

    @property
    def order(self) -> Trial:
        """What a worker is to do: of a trained trial only the probes that MLflow has no score of."""
        if self.standing != "rescore" or self.known is None:
            return self.trial
        wanted = probe_digests(self.trial)
        missing = {name: self.trial.probes[name] for name in wanted if self.known.probes.get(name) != wanted[name]}
        return replace(self.trial, probes=missing)


def agenda(trials: Sequence[Trial], known: Mapping[str, TrialRecord], retry: bool = False) -> tuple[Item, ...]:
    """How every trial stands; with `retry` the failed ones are run again."""
    return tuple(Item(trial, standing(trial, known.get(trial.key), retry), known.get(trial.key)) for trial in trials)


def standing(trial: Trial, known: TrialRecord | None, retry: bool) -> Standing:
    if known is None:
        return "new"
    if known.status == "FAILED" and not retry:
        return "failed"
    if known.status != "FINISHED":
        return "resume"
    wanted = probe_digests(trial)
    return "finished" if all(known.probes.get(name) == wanted[name] for name in wanted) else "rescore"

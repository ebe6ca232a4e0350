"""What a launch has to do: the study's trials less those that MLflow has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ablate.run import probe_digests
from ablate.spec.trial import Job
from ablate.track.ledger import Known

Standing = Literal["finished", "failed", "rescore", "resume", "new"]


@dataclass(frozen=True)
class Item:
    """One trial and how it stands."""

    job: Job
    standing: Standing
    known: Known | None = None

    @property
    def run(self) -> bool:
        """Whether this launch has to run it."""
        return self.standing in ("rescore", "resume", "new")

    @property
    def order(self) -> Job:
        """What a worker is to do: of a trained trial only the probes that MLflow has no score of."""
        if self.standing != "rescore" or self.known is None:
            return self.job
        wanted = probe_digests(self.job)
        missing = {name: self.job.probes[name] for name in wanted if self.known.probes.get(name) != wanted[name]}
        return replace(self.job, probes=missing)


def agenda(jobs: Sequence[Job], known: Mapping[str, Known], retry: bool = False) -> tuple[Item, ...]:
    """How every trial stands; with `retry` the failed ones are run again."""
    return tuple(Item(job, standing(job, known.get(job.key), retry), known.get(job.key)) for job in jobs)


def standing(job: Job, known: Known | None, retry: bool) -> Standing:
    if known is None:
        return "new"
    if known.status == "FAILED" and not retry:
        return "failed"
    if known.status != "FINISHED":
        return "resume"
    wanted = probe_digests(job)
    return "finished" if all(known.probes.get(name) == wanted[name] for name in wanted) else "rescore"

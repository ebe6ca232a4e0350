"""Which trials stand before others, and which may train together."""

from collections.abc import Callable, Mapping, Sequence

from ablate.settings import Value
from ablate.spec.trial import Job, digest

FIRST = "first phase"  # the case of trials that others start from


def with_first_phases(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs, those that others start from before all others: each once, also where it is among the jobs anyway."""
    there = {job.key for job in jobs}
    firsts = {job.trial.first.key: (job, job.trial.first) for job in jobs if job.trial.first is not None}
    before = [Job(first, {}, job.study, {}, FIRST) for key, (job, first) in firsts.items() if key not in there]
    return (*before, *sorted(jobs, key=lambda job: job.key not in firsts))


def pack(jobs: Sequence[Job], size: Callable[[Job], int]) -> tuple[tuple[Job, ...], ...]:
    """The jobs in packs of at most `size` of their first one, in the order of their first ones.

    Jobs of a pack differ in nothing but the seed and float settings, which a stack of tensors can hold.
    """
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(mold(job), []).append(job)
    place = {id(job): index for index, job in enumerate(jobs)}
    packs = (
        tuple(group[start : start + width])
        for group in groups.values()
        for width in [size(group[0])]
        for start in range(0, len(group), width)
    )
    return tuple(sorted(packs, key=lambda members: place[id(members[0])]))


def spread(packs: Sequence[tuple[Job, ...]], slots: int) -> tuple[tuple[Job, ...], ...]:
    """The packs, in smaller ones where there are fewer than slots to train them, as far as there are trials."""
    longest = max(map(len, packs), default=1)
    fine = (size for size in range(longest, 1, -1) if sum(-(-len(jobs) // size) for jobs in packs) >= slots)
    size = next(fine, 1)
    return tuple(jobs[start : start + size] for jobs in packs for start in range(0, len(jobs), size))


def mold(job: Job) -> str:
    """What the jobs of a pack have in common."""
    trial = job.trial
    shared = (trial.method, trial.revision, trial.dataset, trial.version, unvaried(trial.settings))
    return digest([*shared, unvaried(trial.training), job.probes, job.study])


def unvaried(settings: Mapping[str, Value]) -> dict[str, Value]:
    return {name: "a float" if isinstance(value, float) else value for name, value in settings.items()}

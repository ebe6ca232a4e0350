"""What a study's design makes of its axes, and which trials may train together."""

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from ablate.settings import Value
from ablate.spec.study import Case, Study
from ablate.spec.trial import Job, digest

Levels = Mapping[str, Value]  # axis → level


def variants(case: Case) -> Iterator[Levels]:
    """The settings of a case in the order of its file: every combination, or one change to the baseline at a time.

    A search plans none: its settings are proposed.
    """
    if case.design == "grid":
        for levels in itertools.product(*case.axes.values()):
            yield dict(zip(case.axes, levels, strict=True))
    elif case.design == "one-at-a-time":
        yield dict(case.baseline)
        for axis, levels in case.axes.items():
            baseline = case.baseline[axis]
            yield from ({**case.baseline, axis: level} for level in levels if level != baseline)


def count_variants(case: Case) -> int:
    """How many `variants` yields, without yielding them."""
    sizes = [len(levels) for levels in case.axes.values()]
    return {"grid": math.prod(sizes), "one-at-a-time": 1 + sum(sizes) - len(sizes), "search": 0}[case.design]


def count_trials(study: Study) -> int:
    """How many trials the study has at most, proposals included."""
    proposals = study.search.trials if study.search is not None else 0
    return len(study.seeds) * (proposals + sum(count_variants(case) for case in study.cases))


def pack(jobs: Sequence[Job], size: int, alone: Collection[str] = ()) -> tuple[tuple[Job, ...], ...]:
    """The jobs in packs of at most `size`; methods named in `alone` train one trial at a time.

    Jobs of a pack differ in nothing but the seed and float settings, which a stack of tensors can hold.
    """
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(mold(job), []).append(job)
    return tuple(
        tuple(group[start : start + width])
        for group in groups.values()
        for width in [1 if group[0].trial.method in alone else size]
        for start in range(0, len(group), width)
    )


def mold(job: Job) -> str:
    """What the jobs of a pack have in common."""
    trial = job.trial
    shared = (trial.method, trial.revision, trial.dataset, trial.version, unvaried(trial.settings))
    return digest([*shared, unvaried(trial.training), job.probes, job.study])


def unvaried(settings: Mapping[str, Value]) -> dict[str, Value]:
    return {name: "a float" if isinstance(value, float) else value for name, value in settings.items()}

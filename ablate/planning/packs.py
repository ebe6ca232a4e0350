"""Which trials stand before others, and which may train together."""

from collections.abc import Callable, Mapping, Sequence

from ablate.options import Value
from ablate.trial import Trial, digest

FIRST = "first phase"  # the case of trials that others start from


def with_pretraining(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The jobs, those that others start from before all others: each once, also where it is among the jobs anyway."""
    there = {trial.key for trial in trials}
    firsts = {trial.config.first.key: (trial, trial.config.first) for trial in trials if trial.config.first is not None}
    before = [Trial(first, {}, trial.study, {}, FIRST) for key, (trial, first) in firsts.items() if key not in there]
    return (*before, *sorted(trials, key=lambda trial: trial.key not in firsts))


def pack(trials: Sequence[Trial], size: Callable[[Trial], int]) -> tuple[tuple[Trial, ...], ...]:
    """The jobs in packs of at most `size` of their first one, in the order of their first ones.

    Jobs of a pack differ in nothing but the seed and float settings, which a stack of tensors can hold.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(pack_key(trial), []).append(trial)
    place = {id(trial): index for index, trial in enumerate(trials)}
    packs = (
        tuple(group[start : start + width])
        for group in groups.values()
        for width in [size(group[0])]
        for start in range(0, len(group), width)
    )
    return tuple(sorted(packs, key=lambda members: place[id(members[0])]))


def spread(packs: Sequence[tuple[Trial, ...]], slots: int) -> tuple[tuple[Trial, ...], ...]:
    """The packs, in smaller ones where there are fewer than slots to train them, as far as there are trials."""
    longest = max(map(len, packs), default=1)
    fine = (size for size in range(longest, 1, -1) if sum(-(-len(trials) // size) for trials in packs) >= slots)
    size = next(fine, 1)
    return tuple(trials[start : start + size] for trials in packs for start in range(0, len(trials), size))


def pack_key(trial: Trial) -> str:
    """What the jobs of a pack have in common."""
    config = trial.config
    shared = (config.method, config.revision, config.dataset, config.version, unvaried(config.settings))
    return digest([*shared, unvaried(config.training), trial.probes, trial.study])


def unvaried(settings: Mapping[str, Value]) -> dict[str, Value]:
    return {name: "a float" if isinstance(value, float) else value for name, value in settings.items()}

"""Packs: which trials train together on one device, and which must run before others."""

from collections.abc import Callable, Sequence
from typing import Literal

from ablate.options import build
from ablate.trial import Trial, digest, without_floats

PRETRAINING = "pretraining"  # the case label of trials whose encoders others start from
STACK = 16  # trials in a pack on an accelerator; 32 were measured to be only another sixth faster

Pack = tuple[Trial, ...]


def with_pretraining(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials, preceded by the pretraining trials whose encoders some of them start from, each once."""
    keys = {trial.key for trial in trials}
    pretraining = {
        trial.config.first.key: Trial(trial.config.first, {}, trial.study, {}, PRETRAINING)
        for trial in trials
        if trial.config.first is not None
    }
    before = [trial for key, trial in pretraining.items() if key not in keys]
    return (*before, *sorted(trials, key=lambda trial: trial.key not in pretraining))


def pretraining_keys(trials: Sequence[Trial]) -> frozenset[str]:
    """Keys of the trials whose encoders some of these start from."""
    return frozenset(trial.config.first.key for trial in trials if trial.config.first is not None)


def make_packs(trials: Sequence[Trial], size: Literal["auto"] | int, accelerator: bool) -> tuple[Pack, ...]:
    """The trials in packs of at most `size`.

    `auto` packs trials that were measured to train faster together; on a CPU none do.
    """
    from ablate.methods import METHODS  # with torch, which the conductor needs for a search only

    def most(trial: Trial) -> int:
        method = build(METHODS[trial.config.method], trial.config.settings)
        if method.cannot_pack:
            return 1
        return (STACK if accelerator and method.stacks else 1) if size == "auto" else size

    return split_into_packs(trials, most)


def split_into_packs(trials: Sequence[Trial], size: Callable[[Trial], int]) -> tuple[Pack, ...]:
    """The trials in packs of at most `size` of the pack's first trial, in the order of their first trials.

    Trials of a pack have the same pack key.
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


def spread(packs: Sequence[Pack], slots: int) -> tuple[Pack, ...]:
    """The packs, split into smaller ones where there are fewer packs than slots, as far as there are trials."""
    longest = max(map(len, packs), default=1)
    fine = (size for size in range(longest, 1, -1) if sum(-(-len(pack) // size) for pack in packs) >= slots)
    size = next(fine, 1)
    return tuple(pack[start : start + size] for pack in packs for start in range(0, len(pack), size))


def pack_key(trial: Trial) -> str:
    """A digest of what the trials of a pack share: everything but the seed and the values of float settings."""
    config = trial.config
    method = (config.method, config.revision, without_floats(config.settings))
    data = (config.dataset, config.version, config.data)
    return digest([*method, *data, without_floats(config.training), trial.probes, trial.study])

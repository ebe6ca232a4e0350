"""A search's space in Optuna's terms: distributions, which of them are sampled together, and untried settings."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler

from ablate.options import Value
from ablate.planning.design import Levels
from ablate.planning.resolve import count_values, fixed_levels, resolve_space
from ablate.study.model import Study
from ablate.study.search import Choices, Range, Search, contains


@dataclass(frozen=True)
class SearchSpace:
    """The paths of a search; a path with a condition is sampled only where that holds."""

    search: Search
    fixed: Mapping[str, Value]  # settings that conditions may name
    parts: Mapping[str, Range | Choices]  # with bounds of their settings' types

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {path: distribution(part) for path, part in self.parts.items()}

    def active(self, levels: Levels) -> tuple[str, ...]:
        return self.search.active(levels, self.fixed)

    def complete(self, levels: Levels) -> bool:
        """Whether there is a level for every path that is sampled with the others, and for no other path."""
        return levels.keys() == set(self.active(levels))

    def holds(self, levels: Levels) -> bool:
        """Whether these levels are a setting of this space."""
        return self.complete(levels) and all(contains(self.parts[path], value) for path, value in levels.items())

    def suggest(self, trial: optuna.Trial) -> dict[str, Value]:
        """Sample a setting, path by path."""
        levels: dict[str, Value] = {}
        for path, one in self.distributions.items():
            if path in self.active(levels):
                levels[path] = suggest(trial, path, one)
        return levels

    def settings(self, levels: Levels | None = None, left: Sequence[str] | None = None) -> Iterator[dict[str, Value]]:
        """All settings of a space without continuous ranges, in its order."""
        levels, left = levels or {}, list(self.parts) if left is None else left
        if not left:
            yield dict(levels)
        elif left[0] not in self.active(levels):
            yield from self.settings(levels, left[1:])
        else:
            for value in values_of(self.parts[left[0]]):
                yield from self.settings({**levels, left[0]: value}, left[1:])

    def draw_untried(self, tried: Collection[Levels], seed: int) -> dict[str, Value]:
        """A setting that was not tried: of a grid the next one, else one that is drawn uniformly."""
        if self.search.sampler == "grid":
            return next(one for one in self.settings() if one not in tried)
        scratch = optuna.create_study(sampler=RandomSampler(seed=seed))
        while (levels := self.suggest(scratch.ask())) in tried:
            pass
        return levels


def search_space(study: Study) -> SearchSpace:
    """The space of a study that searches."""
    assert study.search is not None
    return SearchSpace(study.search, fixed_levels(study), resolve_space(study))


def distribution(part: Range | Choices) -> BaseDistribution:
    """The distribution of one path; whole bounds make whole numbers."""
    if isinstance(part, Choices):
        return CategoricalDistribution(list(part.choices))
    if isinstance(part.low, int) and isinstance(part.high, int):
        step = int(part.step) if part.step is not None else 1
        return IntDistribution(part.low, part.high, log=part.log, step=step)
    return FloatDistribution(float(part.low), float(part.high), log=part.log, step=part.step)


def suggest(trial: optuna.Trial, path: str, one: BaseDistribution) -> Value:
    """Sample one path."""
    if isinstance(one, FloatDistribution):
        return trial.suggest_float(path, one.low, one.high, step=one.step, log=one.log)
    if isinstance(one, IntDistribution):
        return trial.suggest_int(path, one.low, one.high, step=one.step, log=one.log)
    assert isinstance(one, CategoricalDistribution)
    value: Value = trial.suggest_categorical(path, one.choices)
    return value


def values_of(part: Range | Choices) -> Sequence[Value]:
    """All values of a path that is not continuous."""
    if isinstance(part, Choices):
        return part.choices
    return [part.low + number * (part.step or 1) for number in range(int(count_values(part)))]

"""A search's space in Optuna's terms: distributions, and untried settings."""

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler

from ablate.options import Value
from ablate.planning.design import Levels
from ablate.planning.resolve import resolve_space
from ablate.study.model import Choices, Range, Study


def distributions(study: Study) -> dict[str, BaseDistribution]:
    """Path → distribution of a search's space."""
    return {path: distribution(part) for path, part in resolve_space(study).items()}


def distribution(part: Range | Choices) -> BaseDistribution:
    """The distribution of one path; whole bounds make whole numbers."""
    if isinstance(part, Choices):
        return CategoricalDistribution(list(part.choices))
    if isinstance(part.low, int) and isinstance(part.high, int):
        step = int(part.step) if part.step is not None else 1
        return IntDistribution(part.low, part.high, log=part.log, step=step)
    return FloatDistribution(float(part.low), float(part.high), log=part.log, step=part.step)


def draw_untried(space: dict[str, BaseDistribution], tried: Sequence[Levels], seed: int) -> dict[str, Value]:
    """A setting drawn uniformly from those that were not tried."""
    scratch = optuna.create_study(sampler=RandomSampler(seed=seed))
    while (params := scratch.ask(space).params) in tried:
        pass
    return params

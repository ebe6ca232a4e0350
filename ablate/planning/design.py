"""A study's design: which variants its axes make, and how many trials that is."""

import itertools
import math
from collections.abc import Iterator, Mapping

from ablate.options import Value
from ablate.study.model import Case, Study

Levels = Mapping[str, Value]  # axis → level

FINALISTS = 2  # proposals that `search.confirm` runs again: the winner and the runner-up


def variants(case: Case) -> Iterator[Levels]:
    """The levels of each variant of a case, in the order of the study file.

    A grid combines all levels; one-at-a-time changes one axis of the baseline at a time; a search has none, since its
    variants are proposed while it runs.
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
    """How many variants a case has, computed without listing them."""
    sizes = [len(levels) for levels in case.axes.values()]
    return {"grid": math.prod(sizes), "one-at-a-time": 1 + sum(sizes) - len(sizes), "search": 0}[case.design]


def count_comparisons(study: Study) -> int:
    """How many variants are compared with the baseline of their case."""
    return sum(max(0, count_variants(case) - case.baselines) for case in study.cases)


def count_trials(study: Study) -> int:
    """How many trials the study has at most, including those that a search has yet to propose."""
    proposals = study.search.trials if study.search is not None else 0
    return study.most_seeds * (proposals + sum(count_variants(case) for case in study.cases)) + count_confirming(study)


def count_confirming(study: Study) -> int:
    """How many trials confirm the winner and the runner-up of a search, at most."""
    return FINALISTS * (study.search.confirm or 0) if study.search is not None else 0

"""What a study's design makes of its axes."""

import itertools
import math
from collections.abc import Iterator, Mapping

from ablate.options import Value
from ablate.study.model import Case, Study

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

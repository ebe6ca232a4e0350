"""A study of Table V of the invariant features paper, with results of three seeds per level."""

from collections.abc import Callable

import pytest

from ablate.stats.results import Result
from ablate.study.model import Study

LEVELS = ("np", "rp", "rp+vat", "vat")


@pytest.fixture
def study(make_study: Callable[..., Study]) -> Study:
    case = {"axes": {"method.transformation": LEVELS}, "baseline": {"method.transformation": "vat"}}
    return make_study(case, paper={"id": "invariant-features", "table": "V"})


@pytest.fixture
def results(make_result: Callable[..., Result]) -> list[Result]:
    return [
        make_result({"method.transformation": level}, seed, score)
        for level in LEVELS
        for seed, score in enumerate((0.7, 0.8, 0.9))
    ]

"""A study of Table V of the invariant features paper, with results of three seeds per level."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver

from ablate.events import State
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


@pytest.fixture
def results_with_gaps(make_result: Callable[..., Result]) -> list[Result]:
    """A value, two failures for one reason, a value that is not finite, and a trial that has not run."""

    def result(level: str, seed: int, score: float | None, **fields: Any) -> Result:
        return make_result({"method.transformation": level}, seed, score, **fields)

    return [
        result("vat", 0, 0.7),
        result("vat", 1, None, state=State.FAILED, reason="loss | is nan\nat step 3"),
        result("vat", 2, None, state=State.FAILED, reason="loss | is nan\nat step 3"),
        result("np", 0, math.nan),
        result("np", 1, None, state=State.WAITING),
    ]


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """Chromium without a window."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options)
    yield driver
    driver.quit()

"""Studies and results made by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from ablate.options import Value
from ablate.stats.results import Result
from ablate.study.model import Study
from ablate.trial import Config, Trial, short

METRIC = "linear/accuracy"


def make_study(*cases: Mapping[str, Any], seeds: Sequence[int] = (0, 1, 2), **fields: Any) -> Study:
    """A study of the invariant method on FSDD, where the case does not say otherwise."""
    complete = [{"method": "invariant", "dataset": "fsdd", **case} for case in cases or [{}]]
    content = {
        "name": "by-hand",
        "question": "Does it matter?",
        "cases": tuple(complete),
        "seeds": tuple(seeds),
        "probes": ("linear",),
        "metric": METRIC,
        **fields,
    }
    return Study.model_validate(content)


def make_result(
    levels: Mapping[str, Value],
    seed: int,
    score: float | None,
    *,
    method: str = "invariant",
    dataset: str = "fsdd",
    training: Mapping[str, Value] | None = None,
    status: str = "FINISHED",
    reason: str = "",
) -> Result:
    """A trial whose settings are its levels; without a score nothing was measured."""
    settings = {short(path): level for path, level in levels.items() if path.startswith("method.")}
    config = Config(method, "1", settings, dataset, "1", training or {"epochs": 20}, seed)
    trial = Trial(config, {"linear": {}}, "by-hand", levels)
    return Result(trial, status, {} if score is None else {METRIC: score}, reason)


@pytest.fixture
def study() -> Callable[..., Study]:
    return make_study


@pytest.fixture
def result() -> Callable[..., Result]:
    return make_result

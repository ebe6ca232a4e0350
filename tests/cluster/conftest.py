"""Studies and trials to schedule, none of which ever trains."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.trial import Config, Trial

SEARCH = """\
name: radius
method: invariant
dataset: digits
design: search
search:
  sampler: tpe
  trials: 12
  objectives: {linear/accuracy: maximize}
  space:
    method.epsilon: {low: 0.1, high: 4, log: true}
    training.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""

MakeStudy = Callable[..., Study]
MakeTrial = Callable[..., Trial]


@pytest.fixture
def search_study(tmp_path: Path) -> MakeStudy:
    """The search above with overrides, as `--set` takes them."""
    file = tmp_path / "search.yaml"
    file.write_text(SEARCH)

    def make(*overrides: str) -> Study:
        return read_study(file, overrides=overrides)

    return make


@pytest.fixture
def make_trial() -> MakeTrial:
    def make(seed: int = 0, epsilon: float = 1.0) -> Trial:
        config = Config("invariant", "1", {"epsilon": epsilon}, "digits", "1", {"epochs": 1}, seed)
        return Trial(config, {"linear": {"epochs": 5}}, "radius", {"method.epsilon": epsilon})

    return make

"""The contract of probes fails for probes that break it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.inputs import inputs_of, model_of
from ablate.probes.probe import Embedded, Features, Inputs, Metrics, Probe
from ablate.testing.linear_gaussian import toy_data
from ablate.testing.probes import ProbeContract

Change = Callable[[Embedded], float]


@dataclass(frozen=True)
class Mean(Probe):
    """The mean feature of the evaluation split, plus the result of a fault that is called with the data."""

    source: ClassVar[str] = "none"
    metrics: ClassVar[Metrics] = {"mean": "maximize"}

    fault: Any = option(None, "called with the data")
    checked: bool = option(True, "whether features are checked")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        if self.checked:
            self.check_embedded(embedded)
        fault = 0.0 if self.fault is None else self.fault(embedded)
        return {"mean": float(embedded.evaluation.x.mean()) + seed + fault}


class TestMean(ProbeContract):
    probe = Mean


def draw_globally(embedded: Embedded) -> float:
    return float(np.random.normal())


def overwrite(embedded: Embedded) -> float:
    embedded.train.x[:] = 0
    return 0.0


def decode(embedded: Embedded) -> float:
    model, inputs = model_of(embedded), inputs_of(embedded.test)
    return float(model.decode(model.code(inputs.batch(inputs.rows[:1]))).mean())


def report_backwards(embedded: Embedded) -> float:
    embedded.report_progress(0.5)
    embedded.report_progress(0.25)
    return 0.0


def not_a_number(embedded: Embedded) -> float:
    return float("nan")


CONTRACT = ProbeContract()


@pytest.mark.parametrize(
    ("test", "fault"),
    [
        (CONTRACT.test_scores_depend_on_features_and_seed_only, draw_globally),
        (CONTRACT.test_scoring_leaves_the_global_generators_as_they_were, draw_globally),
        (CONTRACT.test_scoring_does_not_change_its_arguments, overwrite),
        (CONTRACT.test_scoring_calls_only_the_capabilities_that_the_probe_needs, decode),
        (CONTRACT.test_reported_progress_rises_to_at_most_one, report_backwards),
        (CONTRACT.test_scores_are_the_declared_metrics_and_finite, not_a_number),
    ],
)
def test_a_fault_fails_the_contract(test: Callable[[Probe, Embedded], None], fault: Change) -> None:
    with pytest.raises(AssertionError):
        test(Mean(fault), toy_data())


@pytest.mark.parametrize("split", ["train", "test", "evaluation"])
def test_unchecked_features_fail_the_contract(split: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        CONTRACT.test_features_that_are_not_finite_are_refused(Mean(checked=False), toy_data(), split, float("inf"))


def test_scores_of_data_that_check_refuses_fail_the_contract() -> None:
    with pytest.raises(StudyError):
        CONTRACT.test_data_without_a_part_are_scored_or_refused(Mean(checked=False), toy_data(), "labels")


@dataclass(frozen=True)
class Undeclared(Probe):
    """A probe without a source, with an option that has no default, and a wrong direction, need and metric."""

    source: ClassVar[str] = ""
    metrics: ClassVar[Metrics] = {"height": "up"}  # type: ignore[dict-item]  # wrong on purpose
    needs: ClassVar[Any] = ("fly",)

    width: int = field()

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        return {"depth": 0.0}


def test_missing_and_wrong_declarations_fail_the_contract() -> None:
    probe = Undeclared(1)
    with pytest.raises((KeyError, TypeError, AssertionError)):
        CONTRACT.test_the_probe_is_a_frozen_dataclass_whose_options_have_defaults_and_descriptions(probe)
    for test in (
        CONTRACT.test_source_and_docstring_are_present,
        CONTRACT.test_every_metric_has_a_direction,
        CONTRACT.test_every_need_is_a_capability,
    ):
        with pytest.raises(AssertionError):
            test(probe)
    with pytest.raises(AssertionError):
        CONTRACT.test_scores_are_the_declared_metrics_and_finite(probe, toy_data())


def test_the_toy_data_have_inputs_targets_and_a_model() -> None:
    data = toy_data()
    splits: tuple[Features, ...] = (data.train, data.test, data.evaluation)
    assert [len(split.y) for split in splits] == [150, 60, 90]
    assert all(isinstance(split.inputs, Inputs) and split.targets is not None for split in splits)
    assert all(set(split.y.tolist()) == {0, 1, 2} for split in splits)
    assert data.model is not None

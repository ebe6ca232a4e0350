"""The contract of a probe, as tests to inherit.

In a test module of a package with probes of its own:

    class TestMine(ProbeContract):
        probe = Mine
        settings = {"epochs": 2}  # options that make it fast

`pytest.register_assert_rewrite("ablate.testing.probes")` in a conftest.py makes failures show the compared values.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from ablate.errors import StudyError, TrialError
from ablate.options import Value, options_of
from ablate.probes.probe import Embedded, Features, Probe, info_of
from ablate.testing.linear_gaussian import ALL, LinearGaussian, toy_data

SPLITS = ("train", "test", "evaluation")


def without(embedded: Embedded, part: str) -> Embedded:
    """The data set with all labels 0, without targets, or with the first sample of each split only."""
    splits: dict[str, Any] = {split: reduced(getattr(embedded, split), part) for split in SPLITS}
    return replace(embedded, **splits)


def reduced(features: Features, part: str) -> Features:
    """One split without `labels`, `targets` or `samples`."""
    if part == "labels":
        return replace(features, y=0 * features.y)
    if part == "targets":
        return replace(features, targets=None)
    assert features.targets is not None
    assert features.inputs is not None
    inputs = replace(features.inputs, rows=features.inputs.rows[:1])
    return Features(features.x[:1], features.y[:1], features.targets[:1], inputs)


def contents(embedded: Embedded) -> dict[str, list[Any]]:
    """All values of the splits, as lists that do not share memory with them."""
    found: dict[str, list[Any]] = {}
    for split in SPLITS:
        features = getattr(embedded, split)
        arrays = features.x, features.y, features.targets, features.inputs.values, features.inputs.rows
        found[split] = [array.tolist() for array in arrays]
    return found


def generator_states() -> tuple[object, ...]:
    """The states of the global generators of torch, NumPy and Python."""
    return torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()


class ProbeContract:
    """Tests of one probe; a subclass names it and options that make it fast, or overrides the fixtures."""

    probe: ClassVar[type[Probe]]
    settings: ClassVar[Mapping[str, Value]] = {}

    @pytest.fixture
    def subject(self) -> Probe:
        """The probe that is tested, with its options."""
        return self.probe(**self.settings)

    @pytest.fixture
    def embedded(self) -> Embedded:
        """Data that the probe can score, with targets and a model that has every capability."""
        return toy_data()

    def returned(self, probe: Probe) -> set[str]:
        """The metrics that `score` returns: all declared ones, unless a subclass says that an option selects some."""
        return {name for name in probe.metrics if not (probe.best_of_snapshots and name.startswith("best_"))}

    def test_the_probe_is_a_frozen_dataclass_whose_options_have_defaults_and_descriptions(self, subject: Probe) -> None:
        kind = type(subject)
        assert is_dataclass(kind)
        assert vars(kind)["__dataclass_params__"].frozen
        assert all(option.description for option in options_of(kind))
        kind()

    def test_source_and_docstring_are_present(self, subject: Probe) -> None:
        assert subject.source
        assert (type(subject).__doc__ or "").strip()

    def test_every_metric_has_a_direction(self, subject: Probe) -> None:
        assert subject.metrics
        assert set(subject.metrics.values()) <= {"maximize", "minimize"}

    def test_every_need_is_a_capability(self, subject: Probe) -> None:
        assert set(subject.needs) <= set(ALL)

    def test_scores_are_the_declared_metrics_and_finite(self, subject: Probe, embedded: Embedded) -> None:
        scores = subject.score(embedded, seed=0)
        assert scores.keys() == self.returned(subject)
        assert all(isinstance(score, float) and math.isfinite(score) for score in scores.values())

    def test_scores_depend_on_features_and_seed_only(self, subject: Probe, embedded: Embedded) -> None:
        first = subject.score(embedded, seed=7)
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        subject.score(embedded, seed=8)
        assert subject.score(replace(embedded), seed=7) == first

    def test_scoring_leaves_the_global_generators_as_they_were(self, subject: Probe, embedded: Embedded) -> None:
        before = generator_states()
        subject.score(embedded, seed=0)
        assert generator_states() == before

    def test_scoring_does_not_change_its_arguments(self, subject: Probe, embedded: Embedded) -> None:
        before = contents(embedded)
        subject.score(embedded, seed=0)
        subject.pictures(embedded, seed=0)
        assert contents(embedded) == before

    def test_scoring_calls_only_the_capabilities_that_the_probe_needs(self, subject: Probe, embedded: Embedded) -> None:
        if not isinstance(embedded.model, LinearGaussian):
            pytest.skip("only a LinearGaussian model can be without a capability")
        model = replace(embedded.model, capabilities=subject.required)
        assert subject.score(replace(embedded, model=model), seed=0).keys() == self.returned(subject)

    def test_reported_progress_rises_to_at_most_one(self, subject: Probe, embedded: Embedded) -> None:
        shares: list[float] = []
        subject.score(replace(embedded, report_progress=shares.append), seed=0)
        assert shares == sorted(shares)
        assert all(0 < share <= 1 for share in shares)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    @pytest.mark.parametrize("split", SPLITS)
    def test_features_that_are_not_finite_are_refused(
        self, subject: Probe, embedded: Embedded, split: str, value: float
    ) -> None:
        features = getattr(embedded, split)
        x = features.x.copy()
        x[[0, 4], 1] = value
        broken: dict[str, Any] = {split: replace(features, x=x)}
        with pytest.raises(TrialError):
            subject.score(replace(embedded, **broken), seed=0)

    @pytest.mark.parametrize("part", ["labels", "targets", "samples"])
    def test_data_without_a_part_are_scored_or_refused(self, subject: Probe, embedded: Embedded, part: str) -> None:
        """What `check` refuses, `score` refuses too; what `score` accepts has finite scores."""
        poor = without(embedded, part)
        try:
            scores = subject.score(poor, seed=0)
        except StudyError:
            return
        subject.check(info_of(poor))
        assert all(math.isfinite(score) for score in scores.values())

    def test_pictures_fit_their_names_and_range(self, subject: Probe, embedded: Embedded) -> None:
        for matrix in subject.pictures(embedded, seed=0).values():
            assert matrix.values.shape == (len(matrix.rows), len(matrix.columns))
            assert matrix.low - 1e-9 <= matrix.values.min() <= matrix.values.max() <= matrix.high + 1e-9

"""Bits per dimension of a model whose density is known in closed form."""

from dataclasses import replace
from math import log, pi

import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.density import Density
from ablate.testing.linear_gaussian import LinearGaussian, embed_all

WEIGHT = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # x ~ N(0, diag(4 + s, 1 + s, s)) for noise of variance s
INPUTS = torch.tensor([[1.0, 2.0, -1.0], [0.0, -1.0, 0.5]])
LABELS = torch.zeros(2, dtype=torch.int64)


def nats(noise: float) -> float:
    """−log p of both inputs, by the density of each coordinate."""
    variances = [4 + noise, 1 + noise, noise]
    squares = [[1.0, 4.0, 1.0], [0.0, 1.0, 0.25]]
    return sum(0.5 * (log(2 * pi * v) + s / v) for row in squares for s, v in zip(row, variances, strict=True))


@pytest.mark.parametrize("noise", [1.0, 0.25])
def test_one_importance_sample_is_exact_with_the_true_posterior(noise: float) -> None:
    model = LinearGaussian(WEIGHT, (3,), noise=noise)  # p(x|z) p(z) / p(z|x) = p(x), whatever z
    scores = Density(importance_samples=1).score(embed_all(model, INPUTS, LABELS), seed=0)
    assert scores["bits_per_dimension"] == pytest.approx(nats(noise) / 6 / log(2), rel=1e-5)


def test_more_importance_samples_tighten_the_bound_of_a_wide_posterior() -> None:
    model = LinearGaussian(WEIGHT, (3,), widened=2.0)
    many = 250  # repetitions of each input
    embedded = embed_all(model, INPUTS.repeat(many, 1), LABELS.repeat(many))
    exact = nats(1.0) / 6 / log(2)
    few, more = (
        Density(importance_samples=samples).score(embedded, seed=0)["bits_per_dimension"] for samples in (1, 64)
    )
    # one draw gives the ELBO: KL(q | p) = ½ (2 − 1 − log 2) nats more for each of two codes, over three dimensions
    assert few - exact == pytest.approx((1 - log(2)) / 3 / log(2), abs=0.03)
    # E[w²] = (2/√3)² for weights w of mean 1, so that the log of the mean of 64 is low by about (4/3 − 1) / 128 nats
    assert more - exact == pytest.approx((4 / 3 - 1) / 128 / 3 / log(2), abs=0.004)


def test_the_posterior_is_conditioned_on_the_input_or_on_a_view() -> None:
    model = LinearGaussian(WEIGHT, (3,), jitter=3.0)
    embedded = embed_all(model, INPUTS, LABELS)
    exact = nats(1.0) / 6 / log(2)
    assert Density(posterior_of="input").score(embedded, seed=0)["bits_per_dimension"] == pytest.approx(exact, rel=1e-5)
    assert Density(posterior_of="view").score(embedded, seed=0)["bits_per_dimension"] > exact + 0.1


def test_a_method_without_views_uses_the_posterior_of_the_input() -> None:
    model = LinearGaussian(WEIGHT, (3,), jitter=3.0, capabilities=("posterior", "log_likelihood"))
    score = Density().score(embed_all(model, INPUTS, LABELS), seed=0)["bits_per_dimension"]
    assert score == pytest.approx(nats(1.0) / 6 / log(2), rel=1e-5)


def test_the_validation_samples_are_scored_instead_of_the_evaluation_split() -> None:
    model = LinearGaussian(WEIGHT, (3,))
    embedded = embed_all(model, INPUTS[[0, 0]], LABELS)  # the first input as train, test and evaluation split
    assert embedded.test.inputs is not None
    second = replace(embedded, validation=replace(embedded.test.inputs, values=INPUTS[[1, 1]]))
    probe = Density(importance_samples=1, split="validation")
    expected = Density(importance_samples=1).score(embed_all(model, INPUTS[[1, 1]], LABELS), seed=0)
    assert probe.score(second, seed=0) == pytest.approx(expected)
    with pytest.raises(StudyError, match="no samples are left for validation"):
        probe.score(embedded, seed=0)


def test_improbable_inputs_do_not_underflow() -> None:
    model = LinearGaussian(torch.ones(1, 1), (1,))
    score = Density().score(embed_all(model, torch.tensor([[2000.0]]), LABELS[:1]), seed=0)["bits_per_dimension"]
    assert score == pytest.approx((0.5 * log(4 * pi) + 1e6) / log(2), rel=1e-5)  # N(0, 2): half of 4e6 / 2


def test_densities_that_are_not_finite_are_refused() -> None:
    embedded = embed_all(LinearGaussian(WEIGHT, (3,), widened=-1.0), INPUTS, LABELS)
    with pytest.raises(TrialError, match="the log densities of 2 among 2 samples are not finite"):
        Density().score(embedded, seed=0)


def test_labels_are_not_needed() -> None:
    Density().check(DataInfo(probed=1, evaluation=1, classes=0))

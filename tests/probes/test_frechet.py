"""Fréchet distances with known values, and draws from Gaussians."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.frechet import FID, class_samples, frechet, gaussian_draws, square_root
from ablate.testing.linear_gaussian import LinearGaussian, embed_all

ORIGIN = np.zeros(2)


def covariance(seed: int, features: int, samples: int) -> NDArray[np.float64]:
    return np.asarray(np.cov(np.random.default_rng(seed).normal(size=(features, samples))))


def test_the_distance_of_a_gaussian_from_itself_is_zero() -> None:
    spread = covariance(0, features=5, samples=20)
    assert frechet(np.ones(5), spread, np.ones(5), spread) == pytest.approx(0.0, abs=1e-12)


def test_differences_of_means_and_of_deviations_are_squared() -> None:
    # (3, 4) apart: 25; deviations 1 and 3, 2 and 2: (1 − 3)² + 0
    assert frechet(ORIGIN, np.diag([1.0, 4.0]), np.array([3.0, 4.0]), np.diag([9.0, 4.0])) == pytest.approx(29.0)


def test_the_distance_of_covariances_that_do_not_commute() -> None:
    one, other = np.diag([4.0, 1.0]), np.array([[1.0, 0.5], [0.5, 1.0]])
    # of a 2 x 2 matrix M, (tr √M)² = tr M + 2 √det M: here tr M = 5, det M = 4 * 0.75
    expected = 5 + 2 - 2 * (5 + 2 * 3**0.5) ** 0.5
    assert frechet(ORIGIN, one, ORIGIN, other) == pytest.approx(expected)
    assert frechet(ORIGIN, other, ORIGIN, one) == pytest.approx(expected)


@pytest.mark.parametrize("samples", [200, 11])
def test_the_distance_agrees_with_scipys_matrix_square_root(samples: int) -> None:
    one, other = covariance(1, 10, samples), covariance(2, 10, 200)
    expected = np.trace(one + other - 2 * np.real(sqrtm(one @ other)))
    assert frechet(np.zeros(10), one, np.zeros(10), other) == pytest.approx(expected, rel=1e-6)


def test_the_square_root_of_a_singular_covariance() -> None:
    spread = covariance(0, features=6, samples=3)  # of rank 2
    root = square_root(spread)
    np.testing.assert_allclose(root @ root, spread, atol=1e-12)
    assert frechet(np.zeros(6), spread, np.zeros(6), np.zeros((6, 6))) == pytest.approx(np.trace(spread))


def test_draws_have_the_mean_and_covariance_of_the_codes() -> None:
    codes = np.random.default_rng(0).normal(size=(400, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]]) + [5.0, -3.0]
    samples = gaussian_draws(codes, 40000, np.random.default_rng(1))
    np.testing.assert_allclose(samples.mean(0), codes.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(samples.T), np.cov(codes.T), rtol=0.05)


def test_draws_from_a_singular_gaussian_lie_on_its_line() -> None:
    codes = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    samples = gaussian_draws(codes, 50, np.random.default_rng(0))
    np.testing.assert_allclose(samples[:, 1], 2 * samples[:, 0], atol=1e-6)
    assert samples.std() > 0.1


def test_draws_are_in_proportion_to_the_classes() -> None:
    codes = np.array([[0.0]] * 30 + [[100.0]] * 10)
    labels = np.array([3] * 30 + [1] * 10)
    samples = class_samples(codes, labels, 8, np.random.default_rng(0))
    assert samples[:, 0].tolist() == [100.0] * 2 + [0.0] * 6  # constant classes; the smaller label first


def test_more_draws_than_codes_keep_the_proportions() -> None:
    samples = class_samples(np.array([[0.0], [100.0]]), np.array([0, 1]), 1000, np.random.default_rng(0))
    assert samples[:, 0].tolist() == [0.0] * 500 + [100.0] * 500  # the Gaussian of a single code has no variance


def blobs(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Uniformly grey images and their labels: 0 for dark and 1 for bright ones."""
    labels = torch.arange(samples) % 2
    brightness = 0.2 + 0.5 * labels + 0.05 * torch.randn(samples, generator=torch.Generator().manual_seed(0))
    return brightness.reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous(), labels


WEIGHT = torch.full((16, 1), 0.25)  # of unit length, so that decoding inverts encoding


def test_a_faithful_decoder_has_a_smaller_distance() -> None:
    images, labels = blobs(200)
    faithful, halving = (LinearGaussian(WEIGHT, (1, 4, 4), noise=noise) for noise in (0.0, 1.0))
    probe = FID(network="random-conv", samples=200)
    good, bad = (probe.score(embed_all(model, images, labels), seed=0)["random_fid"] for model in (faithful, halving))
    assert 0.0 <= good < 0.05 * bad


def test_one_gaussian_per_class_has_a_smaller_distance_than_a_single_one() -> None:
    images, labels = blobs(200)
    model = LinearGaussian(WEIGHT, (1, 4, 4), noise=0.0)
    probe = FID(network="random-conv", samples=200)
    split, single = (probe.score(embed_all(model, images, y), seed=0)["random_fid"] for y in (labels, 0 * labels))
    assert split < single  # a single Gaussian also gives images between dark and bright


def test_random_convolutions_return_the_metric_random_fid() -> None:
    images, labels = blobs(10)
    model = LinearGaussian(WEIGHT, (1, 4, 4), noise=0.0)
    scores = FID(network="random-conv", samples=10).score(embed_all(model, images, labels), seed=0)
    assert scores.keys() == {"random_fid"} < FID.metrics.keys()


def test_binarized_images_are_encoded_and_compared() -> None:
    images, labels = blobs(40)
    model = LinearGaussian(WEIGHT, (1, 4, 4), noise=0.0)
    probe = FID(network="random-conv", samples=40, binarized=True)
    constant = probe.score(embed_all(model, images, labels), seed=0)["random_fid"]
    assert constant == pytest.approx(0.0, abs=1e-6)  # each class is all black or all white, in the data and decoded


def test_samples_that_are_not_finite_are_refused() -> None:
    class Broken(LinearGaussian):
        def decode(self, codes: torch.Tensor) -> torch.Tensor:
            return torch.full((len(codes), 1, 4, 4), torch.nan)

    embedded = embed_all(Broken(WEIGHT, (1, 4, 4)), *blobs(10))
    with pytest.raises(TrialError, match="the decoded samples of 10 among 10 samples are not finite"):
        FID(network="random-conv", samples=10).score(embedded, seed=0)


def test_a_single_image_is_refused_and_labels_are_not_needed() -> None:
    with pytest.raises(StudyError, match="1 images have no covariance; use more data"):
        FID().check(DataInfo(probed=100, evaluation=1, classes=0))
    FID().check(DataInfo(probed=100, evaluation=2, classes=0))

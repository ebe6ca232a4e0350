"""Fréchet distances that are known, and samples of Gaussians."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.frechet import FID, class_samples, frechet, gaussian, square_root
from ablate.probes.probe import Embedded

Look = Callable[..., Embedded]
LinearGaussian = Callable[..., Any]

NONE = np.zeros(2)


def covariance(seed: int, features: int, samples: int) -> Any:
    return np.cov(np.random.default_rng(seed).normal(size=(features, samples)))


def test_a_gaussian_has_no_distance_from_itself() -> None:
    spread = covariance(0, features=5, samples=20)
    assert frechet(np.ones(5), spread, np.ones(5), spread) == pytest.approx(0.0, abs=1e-12)


def test_means_count_squared_and_deviations_too() -> None:
    # (3, 4) apart: 25; deviations 1 and 3, 2 and 2: (1 − 3)² + 0
    assert frechet(NONE, np.diag([1.0, 4.0]), np.array([3.0, 4.0]), np.diag([9.0, 4.0])) == pytest.approx(29.0)


def test_covariances_that_do_not_commute() -> None:
    one, other = np.diag([4.0, 1.0]), np.array([[1.0, 0.5], [0.5, 1.0]])
    # of a 2 x 2 matrix M, (tr √M)² = tr M + 2 √det M: here tr M = 5, det M = 4 * 0.75
    expected = 5 + 2 - 2 * (5 + 2 * 3**0.5) ** 0.5
    assert frechet(NONE, one, NONE, other) == pytest.approx(expected)
    assert frechet(NONE, other, NONE, one) == pytest.approx(expected)


@pytest.mark.parametrize("samples", [200, 11])
def test_the_root_of_the_product_is_that_of_scipy(samples: int) -> None:
    one, other = covariance(1, 10, samples), covariance(2, 10, 200)
    expected = np.trace(one + other - 2 * np.real(sqrtm(one @ other)))
    assert frechet(np.zeros(10), one, np.zeros(10), other) == pytest.approx(expected, rel=1e-6)


def test_a_singular_covariance_has_a_root() -> None:
    spread = covariance(0, features=6, samples=3)  # of rank 2
    root = square_root(spread)
    np.testing.assert_allclose(root @ root, spread, atol=1e-12)
    assert frechet(np.zeros(6), spread, np.zeros(6), np.zeros((6, 6))) == pytest.approx(np.trace(spread))


def test_samples_have_the_mean_and_the_covariance_of_their_codes() -> None:
    codes = np.random.default_rng(0).normal(size=(400, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]]) + [5.0, -3.0]
    samples = gaussian(codes, 40000, np.random.default_rng(1))
    np.testing.assert_allclose(samples.mean(0), codes.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(samples.T), np.cov(codes.T), rtol=0.05)


def test_codes_on_a_line_give_samples_on_it() -> None:
    codes = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    samples = gaussian(codes, 50, np.random.default_rng(0))
    np.testing.assert_allclose(samples[:, 1], 2 * samples[:, 0], atol=1e-6)
    assert samples.std() > 0.1


def test_every_class_gets_its_share_of_the_samples() -> None:
    codes = np.array([[0.0]] * 30 + [[100.0]] * 10)
    labels = np.array([3] * 30 + [1] * 10)
    samples = class_samples(codes, labels, 8, np.random.default_rng(0))
    assert samples[:, 0].tolist() == [100.0] * 2 + [0.0] * 6  # constant classes; the smaller label first


def test_more_samples_than_codes_keep_the_shares() -> None:
    samples = class_samples(np.array([[0.0], [100.0]]), np.array([0, 1]), 1000, np.random.default_rng(0))
    assert samples[:, 0].tolist() == [0.0] * 500 + [100.0] * 500  # one code of a class does not vary


def blobs(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey images of one brightness each, half of them dark and half of them bright."""
    labels = torch.arange(samples) % 2
    brightness = 0.2 + 0.5 * labels + 0.05 * torch.randn(samples, generator=torch.Generator().manual_seed(0))
    return brightness.reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous(), labels


WEIGHT = torch.full((16, 1), 0.25)  # of unit length, so that a code restores its image


def test_what_samples_like_the_data_is_nearer_than_what_does_not(look: Look, linear_gaussian: LinearGaussian) -> None:
    images, labels = blobs(200)
    faithful, halving = (linear_gaussian(WEIGHT, (1, 4, 4), noise=noise) for noise in (0.0, 1.0))
    probe = FID(features="random-conv", samples=200)
    good, bad = (probe.score(look(model, images, labels), seed=0)["random_fid"] for model in (faithful, halving))
    assert 0.0 <= good < 0.05 * bad


def test_a_gaussian_for_each_class_is_nearer_than_one_for_all(look: Look, linear_gaussian: LinearGaussian) -> None:
    images, labels = blobs(200)
    model = linear_gaussian(WEIGHT, (1, 4, 4), noise=0.0)
    probe = FID(features="random-conv", samples=200)
    split, single = (probe.score(look(model, images, y), seed=0)["random_fid"] for y in (labels, 0 * labels))
    assert split < single  # a single one paints images between dark and bright


def test_the_name_of_the_number_says_which_network_looked(look: Look, linear_gaussian: LinearGaussian) -> None:
    images, labels = blobs(10)
    model = linear_gaussian(WEIGHT, (1, 4, 4), noise=0.0)
    scores = FID(features="random-conv", samples=10).score(look(model, images, labels), seed=0)
    assert scores.keys() == {"random_fid"} < FID.metrics.keys()


def test_binarized_images_are_what_samples_are_compared_with(look: Look, linear_gaussian: LinearGaussian) -> None:
    images, labels = blobs(40)
    model = linear_gaussian(WEIGHT, (1, 4, 4), noise=0.0)
    probe = FID(features="random-conv", samples=40, binarized=True)
    constant = probe.score(look(model, images, labels), seed=0)["random_fid"]
    assert constant == pytest.approx(0.0, abs=1e-6)  # each class is all black or all white, given and drawn


def test_samples_that_are_not_finite_are_refused(look: Look, linear_gaussian: LinearGaussian) -> None:
    class Broken(linear_gaussian):  # type: ignore[valid-type, misc]
        def decode(self, codes: torch.Tensor) -> torch.Tensor:
            return torch.full((len(codes), 1, 4, 4), torch.nan)

    embedded = look(Broken(WEIGHT, (1, 4, 4)), *blobs(10))
    with pytest.raises(TrialError, match="the decoded samples of 10 among 10 samples are not finite"):
        FID(features="random-conv", samples=10).score(embedded, seed=0)


def test_one_image_is_refused_and_labels_are_not_needed() -> None:
    with pytest.raises(StudyError, match="1 images have no covariance; use more data"):
        FID().check(DataInfo(probed=100, evaluation=1, classes=0))
    FID().check(DataInfo(probed=100, evaluation=2, classes=0))

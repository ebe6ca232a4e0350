"""Cosines of views, calculated by hand."""

import numpy as np
import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.similarity import Similarity, latent
from ablate.testing.linear_gaussian import LinearGaussian, embed_all

LABELS = torch.zeros(2, dtype=torch.int64)


def test_identical_views_have_the_cosines_of_their_images() -> None:
    model = LinearGaussian(torch.eye(2), (2,))
    images = torch.tensor([[2.0, 0.0], [3.0, 4.0]])  # cosine 6 / (2 * 5)
    scores = Similarity(images=2, views=3).score(embed_all(model, images, LABELS), seed=0)
    assert scores == pytest.approx({"within": 1.0, "between": 0.6, "gap": 0.4})


def test_a_view_is_not_compared_with_itself() -> None:
    model = LinearGaussian(torch.eye(400), (400,), jitter=1.0)  # nearly all noise
    scores = Similarity(images=2, views=8).score(embed_all(model, 1e-6 * torch.ones(2, 400), LABELS), seed=0)
    assert abs(scores["within"]) < 4 / (28 * 2 * 400) ** 0.5 * 2  # near 0; with itself it would be 1/8 more


def test_noise_in_views_lowers_their_cosine_to_its_expectation() -> None:
    images = torch.zeros(2, 4000)
    images[0, :2000], images[1, 2000:] = 1.0, 1.0  # orthogonal, of squared length 2000
    model = LinearGaussian(torch.eye(4000), (4000,), jitter=0.5)  # adds 1000
    scores = Similarity(images=2, views=8).score(embed_all(model, images, LABELS), seed=0)
    assert scores == pytest.approx({"within": 2 / 3, "between": 0.0, "gap": 2 / 3}, abs=0.02)


def test_the_views_of_an_image_are_adjacent_in_the_picture() -> None:
    embedded = embed_all(LinearGaussian(torch.eye(2), (2,)), torch.eye(2), LABELS)
    picture = Similarity(images=2, views=2).pictures(embedded, seed=0)["views"]
    expected = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    np.testing.assert_allclose(picture.values, expected, atol=1e-12)
    assert picture.rows == picture.columns == ("image 1", "image 1", "image 2", "image 2")
    assert (picture.low, picture.high) == (-1.0, 1.0)


def test_the_seed_determines_images_and_views() -> None:
    images = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    embedded = embed_all(LinearGaussian(torch.eye(5), (5,), jitter=0.1), images, torch.zeros(30, dtype=torch.int64))
    first, again, other = (Similarity().score(embedded, seed) for seed in (0, 0, 1))
    assert first == again != other


def test_latent_vectors_are_means_else_codes_else_representations() -> None:
    x = torch.tensor([[2.0]])
    model = LinearGaussian(torch.ones(1, 1), (1,))
    assert latent(model, x).item() == 1.0  # 2 / (1 + 1)

    class Distinct(LinearGaussian):
        """A model whose mean, code and representation differ."""

        def posterior(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return inputs + 10, inputs

        def code(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs + 30

        def embed(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs + 20

    weight = torch.ones(1, 1)
    assert latent(Distinct(weight, (1,)), x).item() == 12.0
    assert latent(Distinct(weight, (1,), capabilities=("code",)), x).item() == 32.0
    assert latent(Distinct(weight, (1,), capabilities=("view",)), x).item() == 22.0


def test_latent_vectors_that_are_not_finite_are_refused() -> None:
    embedded = embed_all(LinearGaussian(torch.eye(2), (2,), jitter=float("nan")), torch.eye(2), LABELS)
    with pytest.raises(TrialError, match="the latent vectors of 6 among 6 samples are not finite"):
        Similarity(images=2, views=3).score(embedded, seed=0)


def test_fewer_samples_than_images_are_refused() -> None:
    with pytest.raises(StudyError, match="10 images cannot be drawn from 9 samples; set images lower"):
        Similarity().check(DataInfo(probed=100, evaluation=9, classes=0))
    Similarity().check(DataInfo(probed=100, evaluation=10, classes=0))

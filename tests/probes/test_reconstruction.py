"""Reconstruction errors of decoders in closed form."""

import numpy as np
import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.probe import Embedded, Features, Inputs
from ablate.probes.reconstruction import Reconstruction
from ablate.testing.linear_gaussian import LinearGaussian, embed_all

LABELS = torch.zeros(3, dtype=torch.int64)
IMAGES = torch.tensor([[0.2, 0.8], [1.0, 0.0], [0.4, 0.6]]).reshape(3, 1, 1, 2)


def test_a_perfect_reconstruction_has_no_error() -> None:
    model = LinearGaussian(torch.eye(2), (1, 1, 2), noise=0.0)
    assert Reconstruction().score(embed_all(model, IMAGES, LABELS), seed=0) == {"mse": 0.0}


def test_a_decoder_that_halves_its_input_has_a_quarter_of_its_mean_square() -> None:
    model = LinearGaussian(torch.eye(2), (1, 1, 2), noise=1.0)  # x / (1 + 1)
    squares = 0.04 + 0.64 + 1.0 + 0.0 + 0.16 + 0.36  # six values
    scores = Reconstruction().score(embed_all(model, IMAGES, LABELS), seed=0)
    assert scores["mse"] == pytest.approx(squares / 4 / 6)


def test_binarized_inputs_are_encoded_and_compared() -> None:
    model = LinearGaussian(torch.eye(2), (1, 1, 2), noise=1.0)
    scores = Reconstruction(binarized=True).score(embed_all(model, IMAGES, LABELS), seed=0)
    assert scores["mse"] == pytest.approx(3 / 4 / 6)  # one pixel of each image is 1


def test_the_seed_draws_the_images() -> None:
    model = LinearGaussian(torch.eye(2), (1, 1, 2), noise=1.0)
    found = {Reconstruction(images=1).score(embed_all(model, IMAGES, LABELS), seed)["mse"] for seed in range(20)}
    assert sorted(found) == pytest.approx([0.52 / 8, 0.68 / 8, 1.0 / 8])  # each of the three


def test_the_error_is_averaged_over_images_not_batches() -> None:
    images = torch.zeros(501, 1, 1, 2)
    images[-1] = 501**0.5  # alone in the last batch
    model = LinearGaussian(torch.eye(2), (1, 1, 2), noise=1.0)
    scores = Reconstruction().score(embed_all(model, images, torch.zeros(501, dtype=torch.int64)), seed=0)
    assert scores["mse"] == pytest.approx(0.25)


def test_a_decoder_is_fitted_to_the_features_of_a_method_without_one() -> None:
    """Images of one brightness each, which is the feature; the mean image has an error of 0.08."""
    brightness = torch.arange(40).remainder(5)[:, None] / 4 * 0.8 + 0.1
    images = brightness[:, :, None, None].expand(40, 1, 8, 8).contiguous()
    split = Features(brightness.numpy(), np.zeros(40, np.int64), None, Inputs(images, torch.arange(40), 1.0))
    probe = Reconstruction(decoder="fitted", epochs=8, batch_size=8, learning_rate=1e-3)
    assert probe.required == ()
    assert probe.score(Embedded(split, split, split), seed=0)["mse"] < 0.02


def test_a_decoder_of_vectors_cannot_be_fitted() -> None:
    with pytest.raises(StudyError, match="a decoder of images cannot be fitted to inputs of shape"):
        Reconstruction(decoder="fitted").check(DataInfo(shape=(6,)))


def test_reconstructions_that_are_not_finite_are_refused() -> None:
    class Broken(LinearGaussian):
        def decode(self, codes: torch.Tensor) -> torch.Tensor:
            return torch.full((len(codes), 1, 1, 2), torch.inf)

    embedded = embed_all(Broken(torch.eye(2), (1, 1, 2)), IMAGES, LABELS)
    with pytest.raises(TrialError, match="the reconstructions of 3 among 3 samples are not finite"):
        Reconstruction().score(embedded, seed=0)


def test_labels_are_not_needed() -> None:
    Reconstruction().check(DataInfo(probed=1, evaluation=1, classes=0))

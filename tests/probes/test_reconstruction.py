"""Errors of decoders that are known."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import TrialError
from ablate.probes.probe import Embedded
from ablate.probes.reconstruction import Reconstruction

Look = Callable[..., Embedded]
LinearGaussian = Callable[..., Any]
LABELS = torch.zeros(3, dtype=torch.int64)
IMAGES = torch.tensor([[0.2, 0.8], [1.0, 0.0], [0.4, 0.6]]).reshape(3, 1, 1, 2)


def test_what_gives_its_input_back_has_no_error(look: Look, linear_gaussian: LinearGaussian) -> None:
    model = linear_gaussian(torch.eye(2), (1, 1, 2), noise=0.0)
    assert Reconstruction().score(look(model, IMAGES, LABELS), seed=0) == {"mse": 0.0}


def test_what_gives_half_of_it_back_has_a_quarter_of_its_square(look: Look, linear_gaussian: LinearGaussian) -> None:
    model = linear_gaussian(torch.eye(2), (1, 1, 2), noise=1.0)  # x / (1 + 1)
    squares = 0.04 + 0.64 + 1.0 + 0.0 + 0.16 + 0.36  # six values
    scores = Reconstruction().score(look(model, IMAGES, LABELS), seed=0)
    assert scores["mse"] == pytest.approx(squares / 4 / 6)


def test_binarized_inputs_are_given_and_expected(look: Look, linear_gaussian: LinearGaussian) -> None:
    model = linear_gaussian(torch.eye(2), (1, 1, 2), noise=1.0)
    scores = Reconstruction(binarized=True).score(look(model, IMAGES, LABELS), seed=0)
    assert scores["mse"] == pytest.approx(3 / 4 / 6)  # one pixel of each image is a one


def test_some_images_are_drawn_by_the_seed(look: Look, linear_gaussian: LinearGaussian) -> None:
    model = linear_gaussian(torch.eye(2), (1, 1, 2), noise=1.0)
    found = {Reconstruction(images=1).score(look(model, IMAGES, LABELS), seed)["mse"] for seed in range(20)}
    assert sorted(found) == pytest.approx([0.52 / 8, 0.68 / 8, 1.0 / 8])  # each of the three


def test_every_image_counts_whatever_the_batches(look: Look, linear_gaussian: LinearGaussian) -> None:
    images = torch.zeros(501, 1, 1, 2)
    images[-1] = 501**0.5  # alone in the last batch
    model = linear_gaussian(torch.eye(2), (1, 1, 2), noise=1.0)
    scores = Reconstruction().score(look(model, images, torch.zeros(501, dtype=torch.int64)), seed=0)
    assert scores["mse"] == pytest.approx(0.25)


def test_reconstructions_that_are_not_finite_are_refused(look: Look, linear_gaussian: LinearGaussian) -> None:
    class Broken(linear_gaussian):  # type: ignore[valid-type, misc]
        def decode(self, codes: torch.Tensor) -> torch.Tensor:
            return torch.full((len(codes), 1, 1, 2), torch.inf)

    embedded = look(Broken(torch.eye(2), (1, 1, 2)), IMAGES, LABELS)
    with pytest.raises(TrialError, match="the reconstructions of 3 among 3 samples are not finite"):
        Reconstruction().score(embedded, seed=0)


def test_labels_are_not_needed() -> None:
    Reconstruction().check(DataInfo(probed=1, evaluation=1, classes=0))

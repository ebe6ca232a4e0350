"""Determinants of the class means' cosines, calculated by hand."""

from dataclasses import dataclass
from math import log
from typing import cast

import numpy as np
import pytest
import torch

from ablate.probes.nlad import NLAD, class_cosines, negative_log_determinant
from ablate.probes.probe import Embedded, Features, Inputs, Model


def view(x: list[list[float]], y: list[int]) -> Embedded:
    features = Features(np.array(x, np.float32), np.array(y))
    return Embedded(features, features, features)


def test_orthogonal_means_have_nlad_zero() -> None:
    scores = NLAD().score(view([[2, 1], [2, -1], [0, 5]], [0, 0, 1]), seed=0)  # means (2, 0) and (0, 5)
    assert scores == pytest.approx({"nlad": 0.0, "smallest_cosine": 0.0})


def test_nlad_of_two_means_at_sixty_degrees() -> None:
    scores = NLAD().score(view([[1, 0], [0.5, 0.75**0.5]], [3, 7]), seed=0)  # determinant 1 − cos²
    assert scores == pytest.approx({"nlad": -log(0.75), "smallest_cosine": 0.5})


def test_nlad_of_three_means_with_equal_cosines() -> None:
    cosines = np.full((3, 3), 0.9) + 0.1 * np.eye(3)  # eigenvalues 2.8, 0.1, 0.1
    assert negative_log_determinant(cosines) == pytest.approx(-log(2.8 * 0.01))


def test_the_smallest_cosine_may_be_negative() -> None:
    scores = NLAD().score(view([[1, 0], [-0.6, 0.8]], [0, 1]), seed=0)
    assert scores == pytest.approx({"nlad": -log(1 - 0.36), "smallest_cosine": -0.6})


def test_nlad_of_nearly_parallel_means_is_accurate() -> None:
    x = np.ones((10, 64)) + 1e-2 * np.random.default_rng(0).normal(size=(10, 64))
    cosines = class_cosines(Features(x.astype(np.float32), np.arange(10)))
    assert negative_log_determinant(cosines) == pytest.approx(-np.linalg.slogdet(cosines)[1])
    assert negative_log_determinant(cosines) > 70


def test_the_eigenvalue_of_coinciding_means_is_the_machine_epsilon() -> None:
    scores = NLAD().score(view([[1, 2], [1, 2]], [0, 1]), seed=0)  # eigenvalues 2 and 0, counted as 2⁻⁵²
    assert scores["nlad"] == pytest.approx(51 * log(2), abs=1)


def test_nlad_does_not_depend_on_the_scale_of_the_features() -> None:
    x = [[1.0, 0.2], [0.3, 1.0]]
    huge = (np.array(x) * 1e30).tolist()
    assert NLAD().score(view(huge, [0, 1]), 0) == pytest.approx(NLAD().score(view(x, [0, 1]), 0))


@dataclass(frozen=True)
class Pooling:
    """An encoder whose maps are the images and whose features are the maps' means."""

    def maps(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.flatten(1)


def test_flattened_maps_are_scored_beside_the_pooled_features() -> None:
    """Maps (1, 0) and (0, 2) are orthogonal; their means ½ and 1 are parallel."""
    maps = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 2.0]])[:, None]
    features = Features(maps.mean(2).numpy(), np.array([0, 1, 1]), None, Inputs(maps, torch.arange(3), 1.0))
    embedded = Embedded(features, features, features, cast(Model, Pooling()))
    scores = NLAD(flatten_map=True).score(embedded, seed=0)
    assert scores["map_nlad"] == pytest.approx(0.0)
    assert scores["map_smallest_cosine"] == pytest.approx(0.0)
    assert scores["nlad"] > 30
    assert NLAD(flatten_map=True).required == ("maps",)
    assert NLAD().required == ()


def test_the_picture_shows_the_cosines_by_class() -> None:
    matrix = NLAD().pictures(view([[1, 0], [-0.6, 0.8]], [3, 7]), seed=0)["class_similarity"]
    assert matrix.values == pytest.approx(np.array([[1.0, -0.6], [-0.6, 1.0]]))
    assert (matrix.rows, matrix.columns) == (("3", "7"), ("3", "7"))
    assert [matrix.low, matrix.high] == pytest.approx([-0.6, 1.0])

"""The contracts of ablate for the method, the data set and the probe, and their numbers worked by hand."""

import numpy as np
import torch
from ablate_example import Centroid, LinearAutoencoder, Rings

from ablate.probes.probe import Embedded, Features
from ablate.testing.datasets import DatasetContract
from ablate.testing.methods import MethodContract
from ablate.testing.probes import ProbeContract


class TestLinearAutoencoder(MethodContract):
    method = LinearAutoencoder


class TestRings(DatasetContract):
    dataset = Rings


class TestCentroid(ProbeContract):
    probe = Centroid


def test_the_loss_is_the_mean_squared_error_and_the_penalty() -> None:
    """E = [1 0], D = [1 0]ᵀ restore (1, 2) as (1, 0): (0 + 4) / 2 + 0.5 · (1 + 1)."""
    params = {"encoder.weight": torch.tensor([[1.0, 0.0]]), "decoder.weight": torch.tensor([[1.0], [0.0]])}
    method = LinearAutoencoder(latent_dim=1, penalty=0.5)
    loss, shown, _ = method.loss(params, {}, {"input": torch.tensor([[1.0, 2.0]])}, {})
    assert (loss.item(), shown["reconstruction"].item()) == (3.0, 2.0)


def test_the_nearest_centroid_decides() -> None:
    """Means 1 and 11; of the test points 5, 7 and 12 of class 1, the first is nearer to class 0."""
    train = Features(np.float32([[0], [2], [10], [12]]), np.array([0, 0, 1, 1]))
    test = Features(np.float32([[5], [7], [12]]), np.array([1, 1, 1]))
    assert Centroid().score(Embedded(train, test, test), seed=0) == {"accuracy": 2 / 3}

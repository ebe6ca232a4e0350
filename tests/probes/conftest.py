"""Embeddings of three classes, with labels that can be predicted and with labels that cannot."""

from collections.abc import Callable

import numpy as np
import pytest

from ablate.probes.probe import Embedded, Features

pytest.register_assert_rewrite("ablate.testing.probes")

CENTRES = np.array([[0.0, 0.0, 0.0], [40.0, 0.0, 0.0], [0.0, 40.0, 0.0]])
Draw = Callable[[int, int], Features]


def blobs(samples: int, seed: int) -> Features:
    """Three classes, of equal size, forty standard deviations apart."""
    y = np.arange(samples) % 3
    x = CENTRES[y] + np.random.default_rng(seed).normal(size=(samples, 3))
    return Features(x.astype(np.float32), y.astype(np.int64))


@pytest.fixture(scope="session")
def draw() -> Draw:
    """`draw(samples, seed)`: a split of well separated classes."""
    return blobs


@pytest.fixture(scope="session")
def separated() -> Embedded:
    """Three splits of well separated classes."""
    return Embedded(blobs(150, 0), blobs(90, 1), blobs(90, 2))


@pytest.fixture(scope="session")
def permuted() -> Embedded:
    """The same distribution with permuted labels, which the features do not predict."""
    generator = np.random.default_rng(3)
    splits = [blobs(samples, seed) for samples, seed in ((600, 0), (240, 1), (240, 2))]
    train, test, evaluation = (Features(split.x, generator.permutation(split.y)) for split in splits)
    return Embedded(train, test, evaluation)

"""Embeddings whose scores are known."""

from collections.abc import Callable

import numpy as np
import pytest

from ablate.probes.probe import Embedded, Features

CENTRES = np.array([[0.0, 0.0, 0.0], [40.0, 0.0, 0.0], [0.0, 40.0, 0.0]])
Draw = Callable[[int, int], Features]


def blobs(samples: int, seed: int) -> Features:
    """Three classes, of equal size, forty standard deviations apart."""
    y = np.arange(samples) % 3
    x = CENTRES[y] + np.random.default_rng(seed).normal(size=(samples, 3))
    return Features(x.astype(np.float32), y.astype(np.int64))


@pytest.fixture(scope="session")
def draw() -> Draw:
    """`draw(samples, seed)`: blobs."""
    return blobs


@pytest.fixture(scope="session")
def separated() -> Embedded:
    """What every probe reads without a mistake."""
    return Embedded(blobs(150, 0), blobs(90, 1), blobs(90, 2))


@pytest.fixture(scope="session")
def permuted() -> Embedded:
    """The same points, their labels permuted: there is nothing to read."""
    generator = np.random.default_rng(3)
    splits = [blobs(samples, seed) for samples, seed in ((600, 0), (240, 1), (240, 2))]
    return Embedded(*(Features(split.x, generator.permutation(split.y)) for split in splits))

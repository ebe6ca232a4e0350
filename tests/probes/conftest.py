"""Embeddings and models whose scores are known."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi

import numpy as np
import pytest
import torch
from torch import Tensor

from ablate.probes.probe import Capability, Embedded, Features, Inputs, Model

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
    train, test, evaluation = (Features(split.x, generator.permutation(split.y)) for split in splits)
    return Embedded(train, test, evaluation)


@dataclass(frozen=True)
class LinearGaussian:
    """x = W z + n, for W (D, L) with orthogonal columns, z ~ N(0, 1), n ~ N(0, `noise`): a model known in closed form.

    `widened` multiplies the posterior's variance, so that it is the true one where it is 1; a view adds noise.
    """

    weight: Tensor
    shape: tuple[int, ...]
    noise: float = 1.0  # variance
    widened: float = 1.0
    jitter: float = 0.0  # standard deviation between a view and its input
    capabilities: tuple[Capability, ...] = ("posterior", "code", "log_likelihood", "view")

    @property
    def parameters(self) -> int:
        return self.weight.numel()

    def can(self, role: Capability) -> bool:
        return role in self.capabilities

    def embed(self, inputs: Tensor) -> Tensor:
        return self.code(inputs)

    def code(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1) @ self.weight / (self.noise + self.weight.square().sum(0))

    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.code(inputs)
        variance = self.widened * self.noise / (self.noise + self.weight.square().sum(0))
        return mean, variance.log().expand(mean.shape)

    def decode(self, codes: Tensor) -> Tensor:
        values: Tensor = codes @ self.weight.T
        return values.reshape(len(codes), *self.shape)

    def log_likelihood(self, inputs: Tensor, codes: Tensor) -> Tensor:
        errors = (inputs - self.decode(codes)).flatten(1)
        return -0.5 * (errors.square() / self.noise + log(2 * pi * self.noise)).sum(1)

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        return inputs + self.jitter * torch.randn(inputs.shape, generator=generator)


Look = Callable[[Model, Tensor, Tensor], Embedded]


def through(model: Model, inputs: Tensor, labels: Tensor) -> Embedded:
    """Inputs (N, ...) with labels (N,), the same ones in every split, as a model sees them."""
    rows = Inputs(inputs, torch.arange(len(inputs)), 1.0)
    features = Features(model.embed(inputs).numpy(), labels.numpy(), None, rows)
    return Embedded(features, features, features, model)


@pytest.fixture(scope="session")
def look() -> Look:
    """`look(model, inputs, labels)`: a data set through a model."""
    return through


@pytest.fixture(scope="session")
def linear_gaussian() -> type[LinearGaussian]:
    """`linear_gaussian(weight, shape, ...)`: a model in closed form."""
    return LinearGaussian

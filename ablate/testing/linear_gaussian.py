"""A linear Gaussian model whose densities are known in closed form, and data embedded by it, for tests of probes."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ablate.probes.probe import Capability, Embedded, Features, Inputs, Model

ALL: tuple[Capability, ...] = ("posterior", "code", "log_likelihood", "view", "predict")


@dataclass(frozen=True)
class LinearGaussian(Model):
    """x = W z + n, for W (D, L) with orthogonal columns, z ~ N(0, 1) and n ~ N(0, `noise`).

    `widened` multiplies the variance of the posterior, which is exact where it is 1; a view adds noise to its input.
    A function whose capability is left out of `capabilities` fails.
    """

    weight: Tensor
    shape: tuple[int, ...]  # of an input
    noise: float = 1.0  # variance
    widened: float = 1.0
    jitter: float = 0.0  # standard deviation of a view from its input
    capabilities: tuple[Capability, ...] = ALL

    @property
    def parameters(self) -> int:
        return self.weight.numel()

    def can(self, capability: Capability) -> bool:
        return capability in self.capabilities

    def embed(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1) @ self.weight / (self.noise + self.weight.square().sum(0))

    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        assert self.can("posterior")
        mean = self.embed(inputs)
        variance = self.widened * self.noise / (self.noise + self.weight.square().sum(0))
        return mean, variance.log().expand(mean.shape)

    def code(self, inputs: Tensor) -> Tensor:
        assert self.can("code")
        return self.embed(inputs)

    def decode(self, codes: Tensor) -> Tensor:
        assert self.can("code")
        return self.mean(codes)

    def mean(self, codes: Tensor) -> Tensor:
        """Codes (B, L) → W z, as inputs (B, ...)."""
        values: Tensor = codes @ self.weight.T
        return values.reshape(len(codes), *self.shape)

    def log_likelihood(self, inputs: Tensor, codes: Tensor) -> Tensor:
        assert self.can("log_likelihood")
        errors = (inputs - self.mean(codes)).flatten(1)
        return -0.5 * (errors.square() / self.noise + math.log(2 * math.pi * self.noise)).sum(1)

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        assert self.can("view")
        return inputs + self.jitter * torch.randn(inputs.shape, generator=generator)

    def predict(self, inputs: Tensor) -> Tensor:
        assert self.can("predict")
        return self.embed(inputs)

    def call(self, function: str, *arguments: Any) -> Any:
        return getattr(self, function)(*arguments)


def embed(model: Model, inputs: Tensor, labels: Tensor, targets: Tensor | None = None) -> Features:
    """Inputs (N, ...) with labels (N,) and targets (N, T) → their features, by a model."""
    rows = Inputs(inputs, torch.arange(len(inputs)), 1.0)
    values = None if targets is None else targets.numpy()
    return Features(model.embed(inputs).numpy(), labels.numpy(), values, rows)


def embed_all(model: Model, inputs: Tensor, labels: Tensor) -> Embedded:
    """A data set whose splits are all the same inputs (N, ...) with labels (N,), embedded by a model."""
    features = embed(model, inputs, labels)
    return Embedded(features, features, features, model)


def toy_data() -> Embedded:
    """Images (1, 4, 4) of three classes, each with another bright row, with 40 binary targets, linearly embedded."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.eye(3, 4).repeat_interleave(4, 1).T / 2  # a code is half the sum of a row
    model = LinearGaussian(weight, (1, 4, 4), noise=0.01, jitter=0.01)

    def split(samples: int) -> Features:
        labels = torch.arange(samples) % 3
        images = 0.2 + 0.6 * torch.eye(4)[labels].reshape(-1, 1, 4, 1).expand(-1, 1, 4, 4)
        images = images + 0.02 * torch.randn(images.shape, generator=generator)
        targets = torch.rand(samples, 40, generator=generator) < 0.25
        return embed(model, images, labels, targets.float())

    return Embedded(split(150), split(60), split(90), model)

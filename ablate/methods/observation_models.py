"""Densities p(x | z) of inputs given the decoder's outputs: Gaussian and Bernoulli."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from ablate.deferred import F, torch
from ablate.errors import StudyError
from ablate.methods.autoencoder_options import Output
from ablate.methods.encoder_decoder import activated

if TYPE_CHECKING:
    from torch import Tensor

Likelihood = Literal["gaussian", "bernoulli"]
LIKELIHOOD = "of the inputs; bernoulli needs inputs in [0, 1]"
LIKELIHOOD_VARIANCE = "of the Gaussian; the Bernoulli's negative log likelihood is divided by it too"


class ObservationModel(ABC):
    """p(x | z) of targets x (B, ...), given the decoder's outputs (B, ...) for z before their activation."""

    @abstractmethod
    def misfit(self, outputs: Tensor, target: Tensor) -> Tensor:
        """−log p(x | z) (B,) as the loss has it, which may lack a constant."""

    @abstractmethod
    def log_density(self, outputs: Tensor, target: Tensor) -> Tensor:
        """log p(x | z) in nats (B,), constants included."""


@final
@dataclass(frozen=True)
class GaussianObservations(ObservationModel):
    """N(x; m, s) of each dimension, for m the activated outputs; the misfit is ‖x − m‖² / (2 s)."""

    variance: Tensor | float
    output: Output

    def misfit(self, outputs: Tensor, target: Tensor) -> Tensor:
        return (activated(outputs, self.output) - target).square().flatten(1).sum(1) / (2 * self.variance)

    def log_density(self, outputs: Tensor, target: Tensor) -> Tensor:
        log_variance = torch.as_tensor(self.variance).to(target).log()
        return gaussian_likelihood(target, activated(outputs, self.output), log_variance)


@final
@dataclass(frozen=True)
class BernoulliObservations(ObservationModel):
    """Bernoulli variables with the outputs as log odds; the misfit is the cross-entropy divided by `divisor`."""

    divisor: Tensor | float

    def misfit(self, outputs: Tensor, target: Tensor) -> Tensor:
        return -bernoulli_likelihood(target, outputs) / self.divisor

    def log_density(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Without the divisor, as the quotient is not the logarithm of a density."""
        return bernoulli_likelihood(target, outputs)


@final
@dataclass(frozen=True)
class LogscaleGaussianObservations(ObservationModel):
    """N(x; m, exp(log variance)) of each dimension, for m the activated outputs; the misfit includes the constants."""

    log_variance: Tensor  # ()
    output: Output

    def misfit(self, outputs: Tensor, target: Tensor) -> Tensor:
        return -self.log_density(outputs, target)

    def log_density(self, outputs: Tensor, target: Tensor) -> Tensor:
        return gaussian_likelihood(target, activated(outputs, self.output), self.log_variance)


def observation_model(likelihood: Likelihood, variance: Tensor | float, output: Output) -> ObservationModel:
    """The model of the options `likelihood`, `likelihood_variance` and `output`."""
    if likelihood == "bernoulli":
        return BernoulliObservations(variance)
    return GaussianObservations(variance, output)


def check_likelihood(likelihood: Likelihood, output: Output) -> None:
    """Raise StudyError where a Bernoulli's decoder has no sigmoid."""
    if likelihood == "bernoulli" and output != "sigmoid":
        remedy = "use output 'sigmoid' or likelihood 'gaussian'"
        raise StudyError(f"likelihood 'bernoulli' needs probabilities, output '{output}' gives none", remedy)


def gaussian_likelihood(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(x; m, v) of each x (B, ...) for one log variance (), summed over dimensions, in nats: (B,)."""
    squares = (x - mean).square().flatten(1)
    return -0.5 * (squares.sum(1) * (-log_variance).exp() + squares.shape[1] * (log_variance + math.log(2 * math.pi)))


def bernoulli_likelihood(x: Tensor, log_odds: Tensor) -> Tensor:
    """x log p + (1 − x) log(1 − p) of each x (B, ...) for log odds of p, summed over dimensions, in nats: (B,)."""
    return -F.binary_cross_entropy_with_logits(log_odds, x, reduction="none").flatten(1).sum(1)

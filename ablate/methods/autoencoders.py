"""Plain, sparse and denoising autoencoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.deferred import torch
from ablate.methods import autoencoder_options as shared
from ablate.methods.deterministic_autoencoder import (
    DeterministicAutoencoder,
    encode_batch,
    plain_loss,
    squared_error,
)
from ablate.methods.method import Tensors
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

TINY = 1e-12  # least argument of the logarithms, so that activations of 0 and 1 give finite values
SMALL: Mapping[str, Value] = {"latent_dim": 4}


@final
@dataclass(frozen=True)
class Autoencoder(DeterministicAutoencoder):
    """Mean over batch and dimensions of (x − d(e(x)))²."""

    source: ClassVar[str] = "Hinton & Salakhutdinov 2006, Science 313; as a baseline of Ntelemis et al. 2022, IV-A"
    small: ClassVar[Mapping[str, Value]] = SMALL

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        return plain_loss(self.networks, params, state, *self.pairs.make(batch, noise))


@final
@dataclass(frozen=True)
class SparseAutoencoder(DeterministicAutoencoder):
    """Mean squared error + β Σⱼ KL(ρ ‖ ρ̂ⱼ), for ρ̂ⱼ the batch's mean of the code's j-th activation.

    The activations are the sigmoids of the code; the decoder reads the activations, the features are the code.
    """

    source: ClassVar[str] = "Ng 2011, CS294A lecture notes, Sparse autoencoder, section 3"
    logged: ClassVar[tuple[str, ...]] = ("loss", "reconstruction", "divergence")
    small: ClassVar[Mapping[str, Value]] = SMALL

    batchnorm: bool = option(True, shared.BATCHNORM)
    sparsity: float = option(0.05, "ρ, desired mean of every activation", above=0, below=1)
    beta: float = option(1e-2, "β, weight of the divergence from ρ", least=0, former="weight")

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        inputs, target = self.pairs.make(batch, noise)
        codes, state = encode_batch(self.networks, params, state, inputs)
        activations = codes.sigmoid()
        error, state = squared_error(self.networks, params, state, activations, target)
        divergence = bernoulli_divergence(self.sparsity, activations.mean(0)).sum()
        total = error + self.beta * divergence
        return total, {"loss": total, "reconstruction": error, "divergence": divergence}, state

    def decode(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        return super().decode(params, state, codes.sigmoid())


@final
@dataclass(frozen=True)
class DenoisingAutoencoder(DeterministicAutoencoder):
    """Mean over batch and dimensions of (x − d(e(x̃)))², for x̃ a copy of x with each component zeroed at random."""

    source: ClassVar[str] = "Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders"
    small: ClassVar[Mapping[str, Value]] = SMALL

    batchnorm: bool = option(True, shared.BATCHNORM)
    corruption: float = option(0.2, "ν, probability that a component is zeroed", least=0, below=1)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The views, and "chance" (B, ...), uniform in [0, 1): a component is zeroed where its chance is below ν."""
        views = super().draw(batch, generator)
        x, _ = self.pairs.make(batch, views)
        return {**views, "chance": torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        inputs, target = self.pairs.make(batch, noise)
        corrupted = inputs * (noise["chance"] >= self.corruption)
        return plain_loss(self.networks, params, state, corrupted, target)


def bernoulli_divergence(desired: Tensor | float, mean: Tensor) -> Tensor:
    """KL(ρ ‖ ρ̂) = ρ log(ρ / ρ̂) + (1 − ρ) log((1 − ρ) / (1 − ρ̂)) of each mean, in nats."""
    ρ = torch.zeros_like(mean) + desired
    log_mean, log_rest = mean.clamp(min=TINY).log(), (1 - mean).clamp(min=TINY).log()
    return ρ * (ρ.log() - log_mean) + (1 - ρ) * ((1 - ρ).log() - log_rest)

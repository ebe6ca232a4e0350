"""Autoencoders: plain, sparse and denoising; the variational and the adversarial one build on the plain one."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablate.methods.limits import check_batchnorm, check_network
from ablate.methods.method import Facts, Method, Tensors
from ablate.methods.parts import joined, through
from ablate.nets.decoders import decoder
from ablate.nets.encoders import encoder
from ablate.nets.init import draw
from ablate.settings import Value, setting

TINY = 1e-12  # keeps logarithms of vanishing activations finite


@dataclass(frozen=True)
class Autoencoder(Method):
    """Mean of (x − d(e(x)))² over the batch and the inputs' dimensions; the features are the code e(x)."""

    source: ClassVar[str] = "Hinton & Salakhutdinov 2006, Science 313; as a baseline of Ntelemis et al. 2022, IV-A"
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {  # texts are not bounded: their output stays linear
        "emnist-digits": {"network": "cnn", "output": "sigmoid"},
        "fashion-mnist": {"network": "cnn", "output": "sigmoid"},
        "mnist": {"network": "cnn", "output": "sigmoid"},
        "fsdd": {"output": "sigmoid"},
        "msi": {"output": "sigmoid"},
        "digits": {"output": "sigmoid"},
    }

    latent_dim: int = setting(10, "l, dimension of the code", least=1)
    network: Literal["mlp", "cnn"] = setting("mlp", "the encoder, and the decoder that mirrors it; cnn needs images")
    batchnorm: bool = setting(False, "in the hidden layers of encoder and decoder")
    output: Literal["linear", "sigmoid"] = setting("linear", "of the decoder; sigmoid suits inputs in [0, 1]")

    def check(self, facts: Facts) -> None:
        super().check(facts)
        check_network(self.network, facts)
        check_batchnorm(facts, batchnorm=self.batchnorm)

    def init(self, facts: Facts, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return draw(self.structure(facts.shape), generator)

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return through(self.structure(tuple(inputs.shape[1:])), "encoder", params, state, inputs, training=False)[0]

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        code, state = self.encode(params, state, batch["input"], tracking=True)
        restored, state = self.decode(params, state, code, batch["input"])
        total = F.mse_loss(restored, batch["input"])
        return total, {"loss": total}, state

    def encode(self, params: Tensors, state: Tensors, inputs: Tensor, *, tracking: bool) -> tuple[Tensor, Tensors]:
        """What the encoder makes of a batch, normalized by it, and the state after `tracking` it."""
        structure = self.structure(tuple(inputs.shape[1:]))
        return through(structure, "encoder", params, state, inputs, training=True, tracking=tracking)

    def decode(self, params: Tensors, state: Tensors, code: Tensor, like: Tensor) -> tuple[Tensor, Tensors]:
        """Codes (B, l) → inputs in the shape of those that they are `like`, and the state after them."""
        structure = self.structure(tuple(like.shape[1:]))
        return through(structure, "decoder", params, state, code, training=True, tracking=True)

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        return network(self.network, shape, self.latent_dim, self.latent_dim, self.batchnorm, self.output)


@dataclass(frozen=True)
class SparseAutoencoder(Autoencoder):
    """Mean squared error + β Σⱼ KL(ρ ‖ ρ̂ⱼ), for ρ̂ⱼ the batch's mean of the code's j-th activation.

    The activations, which the decoder reads, are the sigmoids of the code; the features are the code.
    """

    source: ClassVar[str] = "Ng 2011, CS294A lecture notes, Sparse autoencoder, section 3"

    batchnorm: bool = setting(True, "in the hidden layers of encoder and decoder")
    sparsity: float = setting(0.05, "ρ, wanted mean of every activation", above=0, below=1)
    weight: float = setting(1e-2, "β, of the divergence from it", least=0)

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        code, state = self.encode(params, state, batch["input"], tracking=True)
        activations = code.sigmoid()
        restored, state = self.decode(params, state, activations, batch["input"])
        error = F.mse_loss(restored, batch["input"])
        excess = bernoulli_divergence(self.sparsity, activations.mean(0)).sum()
        total = error + self.weight * excess
        return total, {"loss": total, "reconstruction": error, "divergence": excess}, state


@dataclass(frozen=True)
class DenoisingAutoencoder(Autoencoder):
    """Mean of (x − d(e(x̃)))², where every component of x̃ is that of x, or zero with a given probability."""

    source: ClassVar[str] = "Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders"

    batchnorm: bool = setting(True, "in the hidden layers of encoder and decoder")
    corruption: float = setting(0.2, "ν, probability that a component is zeroed", least=0, below=1)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """A component is zeroed where its chance (B, ...) in [0, 1) is below ν."""
        x = batch["input"]
        return {"chance": torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        corrupted = batch["input"] * (noise["chance"] >= self.corruption)
        code, state = self.encode(params, state, corrupted, tracking=True)
        restored, state = self.decode(params, state, code, batch["input"])
        total = F.mse_loss(restored, batch["input"])
        return total, {"loss": total}, state


@functools.cache
def network(
    kind: str, shape: tuple[int, ...], encoded: int, latent_dim: int, batchnorm: bool, output: str
) -> nn.Sequential:
    """An encoder with so many outputs, and the decoder of codes, without parameters."""
    return joined(
        encoder=encoder(kind, shape, encoded, batchnorm),
        decoder=decoder(kind, shape, latent_dim, batchnorm, output),
    )


def bernoulli_divergence(wanted: Tensor | float, mean: Tensor) -> Tensor:
    """KL(ρ ‖ ρ̂) = ρ log(ρ / ρ̂) + (1 − ρ) log((1 − ρ) / (1 − ρ̂)) of each mean, in nats."""
    ρ = torch.as_tensor(wanted, dtype=mean.dtype, device=mean.device)
    kept, lost = mean.clamp(min=TINY).log(), (1 - mean).clamp(min=TINY).log()
    return ρ * (ρ.log() - kept) + (1 - ρ) * ((1 - ρ).log() - lost)

"""The variational autoencoder."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ablate.methods.autoencoders import Autoencoder, network
from ablate.methods.method import Tensors
from ablate.settings import setting


@dataclass(frozen=True)
class VAE(Autoencoder):
    """½ ‖x − d(μ + σ e)‖² + β KL(N(μ, σ²) ‖ N(0, 1)), summed over dimensions, averaged over the batch.

    The decoder's density is a Gaussian of variance 1, its constant left out; the encoder gives μ, then log σ²; the
    features are μ.
    """

    source: ClassVar[str] = "Kingma & Welling 2014, Auto-encoding variational Bayes, eq. 10"

    batchnorm: bool = setting(True, "in the hidden layers of encoder and decoder")
    weight: float = setting(1.0, "β, of the divergence from the prior", least=0)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Standard normal e (B, l)."""
        x = batch["input"]
        shape = len(x), self.latent_dim
        return {"normal": torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return super().embed(params, state, inputs)[:, : self.latent_dim]

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        encoded, state = self.encode(params, state, batch["input"], tracking=True)
        mean, log_variance = encoded.chunk(2, 1)
        code = mean + (log_variance / 2).exp() * noise["normal"]
        restored, state = self.decode(params, state, code, batch["input"])
        error = (restored - batch["input"]).square().flatten(1).sum(1).mean() / 2
        excess = normal_divergence(mean, log_variance).mean()
        total = error + self.weight * excess
        return total, {"loss": total, "reconstruction": error, "divergence": excess}, state

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        return network(self.network, shape, 2 * self.latent_dim, self.latent_dim, self.batchnorm, self.output)


def normal_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each row (B, l), in nats (Kingma & Welling 2014, appendix B)."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)

"""The adversarial autoencoder: three losses in turn."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablate.methods.autoencoders import Autoencoder
from ablate.methods.method import Objective, Tensors
from ablate.methods.parts import joined, through
from ablate.nets.encoders import mlp
from ablate.options import option


@dataclass(frozen=True)
class AdversarialAutoencoder(Autoencoder):
    """An autoencoder whose codes a discriminator cannot tell from draws of N(0, I).

    At every batch: encoder and decoder lessen the mean squared error; the discriminator the cross-entropy between its
    verdicts and the truth, on codes and draws alike; the encoder that between the verdicts on its codes and 'a draw'.
    Batch norm goes by the batch in all turns, and remembers it in the first.
    """

    source: ClassVar[str] = "Makhzani et al. 2016, Adversarial autoencoders, arXiv:1511.05644, section 2"
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("reconstruction", learns=("encoder.", "projection.", "decoder.")),
        Objective("discriminator", learns=("discriminator.",)),
        Objective("generator", learns=("encoder.", "projection.")),
    )

    batchnorm: bool = option(True, "in the hidden layers of encoder and decoder, where these are mlp or cnn")
    prior_scale: float = option(1.0, "standard deviation of the draws that codes are to look like", above=0)
    discriminator_width: int = option(128, "units in each of the discriminator's two hidden layers", least=1)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The views, and standard normal draws (B, l)."""
        x = batch["input"]
        views = super().draw(batch, generator)
        shape = len(x), self.latent_dim
        return {**views, "normal": torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)}

    def reconstruction(
        self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors
    ) -> tuple[Tensor, Tensors, Tensors]:
        return self.loss(params, state, batch, noise)

    def discriminator(
        self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors
    ) -> tuple[Tensor, Tensors, Tensors]:
        seen, _ = self.pair(batch, noise)
        code, _ = self.encode(params, state, seen, training=True)
        drawn = self.verdict(params, self.prior_scale * noise["normal"], seen)
        coded = self.verdict(params, code.detach(), seen)
        total = (F.softplus(-drawn).mean() + F.softplus(coded).mean()) / 2
        right = torch.cat([drawn > 0, coded < 0]).to(total).mean()
        return total, {"loss": total, "accuracy": right}, state

    def generator(
        self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors
    ) -> tuple[Tensor, Tensors, Tensors]:
        seen, _ = self.pair(batch, noise)
        code, _ = self.encode(params, state, seen, training=True)
        total = F.softplus(-self.verdict(params, code, seen)).mean()
        return total, {"loss": total}, state

    def verdict(self, params: Tensors, codes: Tensor, inputs: Tensor) -> Tensor:
        """Log odds (B, 1) that codes (B, l) of such inputs are draws."""
        structure = self.structure(tuple(inputs.shape[1:]))
        return through(structure, "discriminator", params, {}, codes, training=True)[0]

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        return network(super().structure(shape), self.latent_dim, self.discriminator_width)


@functools.cache
def network(autoencoder: nn.Sequential, latent_dim: int, width: int) -> nn.Sequential:
    """The autoencoder and the discriminator of its codes, without parameters."""
    return joined(**dict(autoencoder.named_children()), discriminator=mlp((latent_dim, width, width, 1), False))

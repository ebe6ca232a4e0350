"""The adversarial autoencoder, with three objectives: reconstruction, discriminator and generator."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.methods import autoencoder_options as shared
from ablate.methods.deterministic_autoencoder import DeterministicAutoencoder, plain_loss
from ablate.methods.method import Objective, Tensors
from ablate.methods.parts import joined, through
from ablate.nets.encoders import mlp
from ablate.nets.init import initialize
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class AdversarialAutoencoder(DeterministicAutoencoder):
    """An autoencoder whose codes a discriminator cannot distinguish from samples of N(0, I).

    In every step, in this order: encoder and decoder minimize the mean squared error; the discriminator minimizes the
    cross-entropy of classifying samples as 1 and codes as 0; the encoder minimizes the cross-entropy of its codes being
    classified as 1.  Batch norm uses the batch's statistics in all three and updates its running statistics in the
    first.
    """

    source: ClassVar[str] = "Makhzani et al. 2016, Adversarial autoencoders, arXiv:1511.05644, section 2"
    logged: ClassVar[tuple[str, ...]] = (
        "reconstruction/loss",
        "discriminator/loss",
        "discriminator/accuracy",
        "generator/loss",
    )
    small: ClassVar[Mapping[str, Value]] = {"latent_dim": 4}
    comparable_loss: ClassVar[bool] = False  # discriminator and generator are adversaries
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("reconstruction", learns=("encoder.", "projection.", "decoder.")),
        Objective("discriminator", learns=("discriminator.",)),
        Objective("generator", learns=("encoder.", "projection.")),
    )

    batchnorm: bool = option(True, shared.BATCHNORM)
    prior_scale: float = option(1.0, "standard deviation of the samples that codes are compared with", above=0)
    discriminator_width: int = option(128, "units in each of the discriminator's two hidden layers", least=1)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        others, _ = initialize(self._discriminator, generator)
        return {**params, **others}, state

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The views, and the standard normal samples "normal" (B, l)."""
        x = batch["input"]
        views = super().draw(batch, generator)
        shape = len(x), self.latent_dim
        return {**views, "normal": torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        return self.reconstruction(params, state, batch, noise)

    def reconstruction(
        self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors
    ) -> tuple[Tensor, Tensors, Tensors]:
        return plain_loss(self.networks, params, state, *self.pairs.make(batch, noise))

    def discriminator(
        self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors
    ) -> tuple[Tensor, Tensors, Tensors]:
        codes = self._codes(params, state, batch, noise)
        of_samples = self._log_odds(params, self.prior_scale * noise["normal"])
        of_codes = self._log_odds(params, codes.detach())
        total = (F.softplus(-of_samples).mean() + F.softplus(of_codes).mean()) / 2
        accuracy = torch.cat([of_samples > 0, of_codes < 0]).to(total).mean()
        return total, {"loss": total, "accuracy": accuracy}, state

    def generator(
        self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors
    ) -> tuple[Tensor, Tensors, Tensors]:
        total = F.softplus(-self._log_odds(params, self._codes(params, state, batch, noise))).mean()
        return total, {"loss": total}, state

    def _codes(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> Tensor:
        """Codes (B, l) of the batch; running statistics are not updated."""
        inputs, _ = self.pairs.make(batch, noise)
        return self.networks.encode(params, state, inputs, training=True)[0]

    def _log_odds(self, params: Tensors, codes: Tensor) -> Tensor:
        """The discriminator's log odds (B, 1) that codes (B, l) are samples of the prior."""
        return through(self._discriminator, "discriminator", params, {}, codes, training=True)[0]

    @property
    def _discriminator(self) -> nn.Sequential:
        return discriminator_network(self.latent_dim, self.discriminator_width)


@functools.cache
def discriminator_network(latent_dim: int, width: int) -> nn.Sequential:
    """Part 'discriminator' without parameters: codes (B, latent_dim) → log odds (B, 1)."""
    return joined(discriminator=mlp((latent_dim, width, width, 1), False))

"""The abstract class of the autoencoders whose encoder computes a Gaussian q(z | x), and terms of their bounds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import torch
from ablate.methods import autoencoder_options as shared
from ablate.methods.autoencoder_options import AutoencoderOptions, Reduction
from ablate.methods.backbone import FLAT, RESNETS
from ablate.methods.capabilities import Augmenting, Dense, Generative, Stochastic
from ablate.methods.encoder_decoder import EncoderDecoder
from ablate.methods.input_target_pairs import InputTargetPairs
from ablate.methods.method import Method, Tensors
from ablate.methods.observation_models import ObservationModel
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Term:
    """One term of a loss: its weight, and values whose sum it multiplies."""

    weight: Tensor | float
    values: Tensor


@dataclass(frozen=True)
class VariationalAutoencoder(AutoencoderOptions, Method, Generative, Augmenting, Stochastic, Dense):
    """A negative evidence lower bound: −log p(x | z) at one z = μ + σ e of each view x, and the method's terms.

    The encoder's outputs are μ, then log σ²; the features are μ, or a ResNet's pooled maps.  Terms are summed over
    dimensions and views, and averaged (or summed) over the batch's inputs.
    """

    exported: ClassVar[str] = ""  # the decoder as well, which `decode` needs
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = shared.NTELEMIS_DATASETS
    logged: ClassVar[tuple[str, ...]] = ("loss", "reconstruction", "divergence")

    batchnorm: bool = option(True, shared.BATCHNORM)
    beta: float = option(1.0, shared.BETA, least=0, former="weight")
    reduction: Reduction = option("mean", shared.REDUCTION)

    @abstractmethod
    def observation_model(self, params: Tensors, like: Tensor) -> ObservationModel:
        """p(x | z), with tensors of the device and type of `like`."""

    @abstractmethod
    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        """What the loss adds to −log p(x | z), from μ, log σ² and z of all views (V·B, l each)."""

    def check(self, info: DataInfo) -> None:
        super().check(info)
        self.networks.check(info, self.pairs.views)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return self.networks.init(info, generator)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The views, and the standard normal numbers "normal" (V·B, l) that codes are computed from."""
        x = batch["input"]
        views = self.pairs.draw(batch, generator)
        shape = self.pairs.views * len(x), self.latent_dim
        return {**views, "normal": torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        inputs, target = self.pairs.make(batch, noise)
        encoded, state = self.networks.encode(params, state, inputs, training=True, tracking=True)
        mean, log_variance = self.mean_and_log_variance(encoded)
        codes = mean + (log_variance / 2).exp() * noise["normal"]
        outputs, state = self.networks.decode(params, state, codes, tuple(target.shape[1:]), training=True)
        misfit = self.observation_model(params, target).misfit(outputs, target)
        terms = {"reconstruction": Term(1.0, misfit), **self.terms(mean, log_variance, codes)}
        divisor = 1 if self.reduction == "sum" else len(batch["input"])
        shown = {name: term.values.sum() / divisor for name, term in terms.items()}
        total = torch.stack([term.weight * shown[name] for name, term in terms.items()]).sum()
        return total, {"loss": total, **shown}, state

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """The means, or a ResNet's pooled maps."""
        features = self.networks.features(params, state, inputs)
        return features if self.network in RESNETS else features[:, : self.latent_dim]

    def posterior(self, params: Tensors, state: Tensors, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean_and_log_variance(self.networks.evaluate(params, state, inputs))

    def code(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.posterior(params, state, inputs)[0]

    def decode(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        return self.networks.generate(params, state, codes)

    def log_likelihood(self, params: Tensors, state: Tensors, inputs: Tensor, codes: Tensor) -> Tensor:
        """Of the clean inputs as the encoder receives them: normalized or binary where the augmentation does so."""
        x = self.networks.pipeline.preprocess(inputs)
        outputs, _ = self.networks.decode(params, state, codes, tuple(x.shape[1:]), training=False)
        return self.observation_model(params, x).log_density(outputs, x)

    def unaugmented(self, inputs: Tensor) -> Tensor:
        return self.networks.pipeline.unaugmented(inputs)

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Views before their normalization: images stay in [0, 1], so that they can be embedded."""
        return self.networks.pipeline.augment(inputs, generator)

    def mean_and_log_variance(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (B, 2 l) of the encoder → μ and log σ² (B, l) of q(z | x)."""
        mean, log_variance = encoded.chunk(2, 1)
        return mean, log_variance

    @property
    def views_per_input(self) -> int:
        """V, views of every input in a batch."""
        return 1

    @property
    def stacks(self) -> bool:
        return self.network in FLAT

    @property
    def pairs(self) -> InputTargetPairs:
        return InputTargetPairs(self.networks.pipeline, self.views_per_input, self.target)

    @property
    def networks(self) -> EncoderDecoder:
        return self.encoder_decoder(2 * self.latent_dim)


def normal_divergence(mean: Tensor, log_variance: Tensor, entropy_scale: Tensor | float = 1.0) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each row (B, l) in nats (Kingma & Welling 2014, appendix B): (B,).

    `entropy_scale` multiplies log σ², the part that is the posterior's entropy.
    """
    return -0.5 * (1 + entropy_scale * log_variance - mean.square() - log_variance.exp()).sum(1)

"""AAVAE, and AAAE, its ablation without noise in the codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.data_info import DataInfo
from ablate.deferred import torch
from ablate.methods import autoencoder_options as shared
from ablate.methods.autoencoder_options import Decoder
from ablate.methods.backbone import Network
from ablate.methods.deterministic_autoencoder import DeterministicAutoencoder, plain_loss
from ablate.methods.method import Tensors
from ablate.methods.observation_models import LogscaleGaussianObservations, ObservationModel
from ablate.methods.small_perceptron import SMALL_PERCEPTRON, SMALL_SHAPE
from ablate.methods.variational_autoencoder import Term, VariationalAutoencoder, normal_divergence
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 1e-6  # added to every standard deviation, as in the authors' code

RECIPE: Mapping[str, Value] = {  # section 5
    "epochs": 3200,
    "batch_size": 256,
    "reference_batch": 256,
    "learning_rate": 2.5e-4,
    "schedule": "constant",
    "warm_up": 10.0,
}
RECIPES: Mapping[str, Mapping[str, Value]] = {  # on STL-10 learning rate and warm-up are given for batches of 512
    "stl10": {"batch_size": 512, "reference_batch": 512, "learning_rate": 5e-4},
}
SETTINGS_BY_DATASET: Mapping[str, Mapping[str, Value]] = {  # the paper has no grey images; their pipeline is ours
    "stl10": {"augmentation": "simclr-stl10"},
    "mnist": {"augmentation": "simclr-grey"},
    "emnist-digits": {"augmentation": "simclr-grey"},
    "fashion-mnist": {"augmentation": "simclr-grey"},
    "digits": {"augmentation": "simclr-grey"},
}


@dataclass(frozen=True)
class AAVAEOptions:
    """The options that AAVAE and AAAE have in common."""

    recipe: ClassVar[Mapping[str, Value]] = RECIPE
    recipes: ClassVar[Mapping[str, Mapping[str, Value]]] = RECIPES
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = SETTINGS_BY_DATASET
    small: ClassVar[Mapping[str, Value]] = {**SMALL_PERCEPTRON, "decoder": "mirror"}
    small_shape: ClassVar[tuple[int, ...]] = SMALL_SHAPE

    latent_dim: int = option(128, shared.LATENT_DIM, least=1)
    network: Network = option("resnet50", shared.NETWORK)
    decoder: Decoder = option("resnet50", shared.DECODER)
    augmentation: str = option("simclr-cifar10", shared.AUGMENTATION)


@final
@dataclass(frozen=True)
class AAVAE(AAVAEOptions, VariationalAutoencoder):
    """−log N(x; d(z), s) of a clean image x, for z drawn from q(z | x⁺) of an augmented view x⁺, + β KL(q ‖ N(0, 1)).

    β is 0 by default: the noise of the codes and the augmentation replace the prior.  Inputs are normalized, sums over
    pixels are averaged over the batch, constants are included (Falcon et al. 2021, eq. 3, with its sign reversed).
    """

    source: ClassVar[str] = "Falcon, Jha, Koker & Cho 2021, AAVAE, arXiv:2107.12329"

    beta: float = option(0.0, shared.BETA, least=0, former="weight")
    logscale: float = option(0.0, "log s, the likelihood's log variance; its initial value where it is learned")
    likelihood_scale: Literal["fixed", "learned"] = option(
        "fixed", "learned: log s is a parameter, one for all pixels", former="scale"
    )
    bn_update_on: Literal["view", "all"] = option(
        "view",
        "what updates batch norm's running statistics; all: the clean images too, as in the authors' code",
        added=True,
    )

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        learned = {"logscale": torch.tensor(float(self.logscale))} if self.likelihood_scale == "learned" else {}
        return {**params, **learned}, state

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        total, shown, state = super().loss(params, state, batch, noise)
        if self.bn_update_on == "all":
            frozen = {name: tensor.detach() for name, tensor in params.items()}
            clean = noise.get("clean", batch["input"])
            _, state = self.networks.encode(frozen, state, clean, training=True, tracking=True)
        return total, shown, state

    def observation_model(self, params: Tensors, like: Tensor) -> ObservationModel:
        learned = self.likelihood_scale == "learned"
        logscale = params["logscale"] if learned else like.new_zeros(()) + self.logscale
        return LogscaleGaussianObservations(floored(logscale), self.output)

    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        return {"divergence": Term(self.beta, normal_divergence(mean, log_variance))}

    def mean_and_log_variance(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = super().mean_and_log_variance(encoded)
        return mean, floored(log_variance)


@final
@dataclass(frozen=True)
class AAAE(AAVAEOptions, DeterministicAutoencoder):
    """Mean over batch and dimensions of (x − d(e(x⁺)))², for an augmented view x⁺ of a clean image x.

    The paper's code reconstructs x⁺ itself, as its Table 1 suggests: `target` 'input'.
    """

    source: ClassVar[str] = "Falcon, Jha, Koker & Cho 2021, AAVAE, arXiv:2107.12329, Table 1"

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        return plain_loss(self.networks, params, state, *self.pairs.make(batch, noise))


def floored(log_variance: Tensor) -> Tensor:
    """2 log(σ + floor), for σ = exp(log variance / 2)."""
    return 2 * ((log_variance / 2).exp() + FLOOR).log()

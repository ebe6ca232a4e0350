"""CR-VAE: a VAE of two views of every image, which penalizes the divergence between their posteriors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from ablate.data_info import DataInfo
from ablate.methods import autoencoder_options as shared
from ablate.methods import simvae_options as published
from ablate.methods.autoencoder_options import Output, Reduction, Target
from ablate.methods.backbone import Network
from ablate.methods.method import Tensors
from ablate.methods.observation_models import (
    LIKELIHOOD,
    Likelihood,
    ObservationModel,
    check_likelihood,
    observation_model,
)
from ablate.methods.small_perceptron import SMALL_PERCEPTRON, SMALL_SHAPE
from ablate.methods.variational_autoencoder import Term, VariationalAutoencoder, normal_divergence
from ablate.options import Value, option


@final
@dataclass(frozen=True)
class CRVAE(VariationalAutoencoder):
    """The β-VAE's loss of a view x, that of a view x̃ of the same image, and λ KL(q(z | x̃) ‖ q(z | x)).

    The divergence is that of diagonal Gaussians, summed over dimensions; its gradient reaches both posteriors (Sinha &
    Dieng 2021, eq. 4).
    """

    source: ClassVar[str] = "Sinha & Dieng 2021, Consistency regularization for VAEs; as in Bizeul et al. 2024"
    recipe: ClassVar[Mapping[str, Value]] = published.RECIPE
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = published.SETTINGS_BY_DATASET
    small: ClassVar[Mapping[str, Value]] = SMALL_PERCEPTRON
    small_shape: ClassVar[tuple[int, ...]] = SMALL_SHAPE

    latent_dim: int = option(64, shared.LATENT_DIM, least=1)
    network: Network = option("narrow", shared.NETWORK)
    output: Output = option("sigmoid", shared.OUTPUT)
    augmentation: str = option("simvae-cifar10", shared.AUGMENTATION)
    target: Target = option("input", shared.TARGET)
    reduction: Reduction = option("sum", shared.REDUCTION)
    likelihood: Likelihood = option("gaussian", LIKELIHOOD)
    likelihood_variance: float = option(published.VARIANCE, published.VARIANCE_TEXT, above=0, former="variance")
    entropy_scale: float = option(1.0, published.ENTROPY_SCALE_TEXT, least=0)
    consistency: float = option(0.1, "λ, weight of the divergence between the views", least=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_likelihood(self.likelihood, self.output)

    def observation_model(self, params: Tensors, like: Tensor) -> ObservationModel:
        return observation_model(self.likelihood, self.likelihood_variance, self.output)

    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        first, second = zip(mean.chunk(2), log_variance.chunk(2), strict=True)
        return {
            "divergence": Term(self.beta, normal_divergence(mean, log_variance, self.entropy_scale)),
            "consistency": Term(self.consistency, gaussian_divergence(second, first)),
        }

    @property
    def views_per_input(self) -> int:
        return 2


def gaussian_divergence(q: tuple[Tensor, Tensor], p: tuple[Tensor, Tensor]) -> Tensor:
    """KL(q ‖ p) of each row in nats, for diagonal Gaussians given by mean and log variance (B, l): (B,)."""
    (mean, log_variance), (other_mean, other_log_variance) = q, p
    log_ratio = log_variance - other_log_variance
    distance = (mean - other_mean).square() * (-other_log_variance).exp()
    return 0.5 * (log_ratio.exp() + distance - 1 - log_ratio).sum(1)

"""β-VAE, as a baseline of SimVAE."""

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
class BetaVAE(VariationalAutoencoder):
    """1/(2 s) ‖x − d(μ + σ e)‖² + β KL(N(μ, σ²) ‖ N(0, 1)) of augmented images x, summed over dimensions and images.

    The paper's β is not published, only s, which has the same effect: dividing by s equals weighting the divergence by
    s (Higgins et al. 2017; Bizeul et al. 2024, 4.3, with values from the authors' code).  With s = 1 it is their plain
    VAE.
    """

    source: ClassVar[str] = "Higgins et al. 2017, β-VAE; as a baseline of Bizeul et al. 2024, arXiv:2402.01399"
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

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_likelihood(self.likelihood, self.output)

    def observation_model(self, params: Tensors, like: Tensor) -> ObservationModel:
        return observation_model(self.likelihood, self.likelihood_variance, self.output)

    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        return {"divergence": Term(self.beta, normal_divergence(mean, log_variance, self.entropy_scale))}

"""The plain variational autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.methods.method import Tensors
from ablate.methods.observation_models import (
    LIKELIHOOD,
    LIKELIHOOD_VARIANCE,
    Likelihood,
    ObservationModel,
    check_likelihood,
    observation_model,
)
from ablate.methods.variational_autoencoder import Term, VariationalAutoencoder, normal_divergence
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class VAE(VariationalAutoencoder):
    """1/(2 s) ‖x − d(μ + σ e)‖² + β KL(N(μ, σ²) ‖ N(0, 1)), summed over dimensions, averaged over the batch.

    p(x | z) is a Gaussian of variance s, and the loss lacks its constant; or it is a Bernoulli, and 1/s times the
    cross-entropy replaces the squared error.
    """

    source: ClassVar[str] = "Kingma & Welling 2014, Auto-encoding variational Bayes, eq. 10"
    small: ClassVar[Mapping[str, Value]] = {"latent_dim": 4}

    likelihood: Likelihood = option("gaussian", LIKELIHOOD)
    likelihood_variance: float = option(1.0, f"s, {LIKELIHOOD_VARIANCE}", above=0, former="variance")

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_likelihood(self.likelihood, self.output)

    def observation_model(self, params: Tensors, like: Tensor) -> ObservationModel:
        return observation_model(self.likelihood, self.likelihood_variance, self.output)

    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        return {"divergence": Term(self.beta, normal_divergence(mean, log_variance))}

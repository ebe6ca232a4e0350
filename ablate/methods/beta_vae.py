"""β-VAE, as a baseline of SimVAE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.methods.observation_models import check_likelihood
from ablate.methods.simvae_options import SimVAEOptions
from ablate.methods.variational_autoencoder import Term, VariationalAutoencoder, normal_divergence

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class BetaVAE(SimVAEOptions, VariationalAutoencoder):
    """1/(2 s) ‖x − d(μ + σ e)‖² + β KL(N(μ, σ²) ‖ N(0, 1)) of augmented images x, summed over dimensions and images.

    The paper's β is not published, only s, which has the same effect: dividing by s equals weighting the divergence by
    s (Higgins et al. 2017; Bizeul et al. 2024, 4.3, with values from the authors' code).  With s = 1 it is their plain
    VAE.
    """

    source: ClassVar[str] = "Higgins et al. 2017, β-VAE; as a baseline of Bizeul et al. 2024, arXiv:2402.01399"

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_likelihood(self.likelihood, self.output)

    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        return {"divergence": Term(self.beta, normal_divergence(mean, log_variance, self.entropy_scale))}

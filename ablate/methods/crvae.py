"""CR-VAE: a VAE of two views of every image, which penalizes the divergence between their posteriors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.methods.observation_models import check_likelihood
from ablate.methods.simvae_options import SimVAEOptions
from ablate.methods.variational_autoencoder import Term, VariationalAutoencoder, normal_divergence
from ablate.options import option

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class CRVAE(SimVAEOptions, VariationalAutoencoder):
    """The β-VAE's loss of a view x, that of a view x̃ of the same image, and λ KL(q(z | x̃) ‖ q(z | x)).

    The divergence is that of diagonal Gaussians, summed over dimensions and averaged over the batch, also where the
    losses of a batch are summed; its gradient reaches both posteriors (Sinha & Dieng 2021, eq. 4).
    """

    revision: ClassVar[str] = "2"
    source: ClassVar[str] = "Sinha & Dieng 2021, Consistency regularization for VAEs; as in Bizeul et al. 2024"
    logged: ClassVar[tuple[str, ...]] = ("loss", "reconstruction", "divergence", "consistency")

    consistency: float = option(0.1, "λ, weight of the divergence between the views", least=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_likelihood(self.likelihood, self.output)

    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        first, second = zip(mean.chunk(2), log_variance.chunk(2), strict=True)
        between_views = gaussian_divergence(second, first)
        if self.reduction == "sum":
            between_views = between_views / len(between_views)
        return {
            "divergence": Term(self.beta, normal_divergence(mean, log_variance, self.entropy_scale)),
            "consistency": Term(self.consistency, between_views),
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

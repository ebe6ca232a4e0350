"""CR-VAE: two views of an image are to be coded alike."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ablate.methods.vae import BetaVAE, Weighted
from ablate.options import option


@dataclass(frozen=True)
class CRVAE(BetaVAE):
    """The VAE's loss of a view x, that of a view x̃ of the same image, and λ KL(q(z | x̃) ‖ q(z | x)).

    The KL is one of diagonal Gaussians, summed over dimensions; its gradient moves both (Sinha & Dieng 2021, eq. 4).
    """

    source: ClassVar[str] = "Sinha & Dieng 2021, Consistency regularization for VAEs; as in Bizeul et al. 2024"

    consistency: float = option(0.1, "λ, of the divergence between the views", least=0)

    @property
    def passes(self) -> int:
        return 2

    def terms(self, mean: Tensor, log_variance: Tensor, code: Tensor) -> dict[str, Weighted]:
        first, second = zip(mean.chunk(2), log_variance.chunk(2), strict=True)
        own = super().terms(mean, log_variance, code)
        return {**own, "consistency": (self.consistency, gaussian_divergence(second, first))}


def gaussian_divergence(q: tuple[Tensor, Tensor], p: tuple[Tensor, Tensor]) -> Tensor:
    """KL(q ‖ p) of each row, in nats, for diagonal Gaussians given by mean and log variance (B, l): (B,)."""
    (mean, log_variance), (other_mean, other_log_variance) = q, p
    ratio = log_variance - other_log_variance
    apart = (mean - other_mean).square() * (-other_log_variance).exp()
    return 0.5 * (ratio.exp() + apart - 1 - ratio).sum(1)

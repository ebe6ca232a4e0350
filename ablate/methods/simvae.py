"""SimVAE: the codes of an image's views gather around one point."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.vae import BetaVAE, Weighted
from ablate.options import option


@dataclass(frozen=True)
class SimVAE(BetaVAE):
    """Σⱼ [−log p(xʲ | zʲ) − H(q(z | xʲ))] + 1/(2 s_y) Σⱼ ‖zʲ − z̄‖², summed over images with J views each.

    Every view is given back as itself.  The batch size counts views.  (Bizeul et al. 2024, section 4, with the
    entropy's sign as in its bound, not as in its Algorithm 1.)
    """

    source: ClassVar[str] = "Bizeul, Schölkopf & Allen 2024, A probabilistic model, arXiv:2402.01399"

    weight: float = option(1.0, "of the codes' terms: entropy and prior", least=0)
    views: int = option(10, "J, views of each image", least=2)
    prior_variance: float = option(0.15, "s_y, of codes around their image's", above=0)
    cluster_prior: Literal["uniform", "gaussian"] = option(
        "uniform", "of the images' own codes; gaussian adds half of z̄'s square, as the authors' code does"
    )

    def check(self, info: DataInfo) -> None:
        if info.batch_size < 1:
            problem = f"a batch holds fewer than the {self.views} views of one image"
            raise StudyError(problem, f"use training.batch_size of at least {self.views}, which counts views")
        super().check(info)

    def samples(self, batch_size: int) -> int:
        return batch_size // self.views

    @property
    def passes(self) -> int:
        return self.views

    def terms(self, mean: Tensor, log_variance: Tensor, code: Tensor) -> dict[str, Weighted]:
        z = code.unflatten(0, (self.views, -1))  # (J, B, l)
        prior = scatter(z) / (2 * self.prior_variance)
        if self.cluster_prior == "gaussian":
            prior = prior + z.mean(0).square().sum(1) / 2
        entropy = self.entropy_scale * log_variance / 2  # but for a constant
        return {"prior": (self.weight, prior), "entropy": (-self.weight, entropy)}


def scatter(z: Tensor) -> Tensor:
    """Σⱼ ‖zʲ − z̄‖² for the views' codes (J, B, l) of each image, around their mean z̄: (B,)."""
    return (z - z.mean(0)).square().sum((0, 2))

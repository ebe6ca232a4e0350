"""SimVAE: a VAE whose prior concentrates the codes of an image's views around their mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.observation_models import check_likelihood
from ablate.methods.simvae_options import SimVAEOptions
from ablate.methods.small_perceptron import SMALL_PERCEPTRON
from ablate.methods.variational_autoencoder import Term, VariationalAutoencoder
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class SimVAE(SimVAEOptions, VariationalAutoencoder):
    """Σⱼ [−log p(xʲ | zʲ) − H(q(z | xʲ))] + 1/(2 s_y) Σⱼ ‖zʲ − z̄‖², summed over images with J views each.

    Every view is the target of its own reconstruction.  The batch size counts views.  (Bizeul et al. 2024, section 4;
    the entropy has the sign of the paper's bound, not that of its Algorithm 1.)
    """

    source: ClassVar[str] = "Bizeul, Schölkopf & Allen 2024, A probabilistic model, arXiv:2402.01399"
    logged: ClassVar[tuple[str, ...]] = ("loss", "reconstruction", "prior", "entropy")
    small: ClassVar[Mapping[str, Value]] = {**SMALL_PERCEPTRON, "views": 2}

    beta: float = option(1.0, "weight of the entropy and the prior", least=0, former="weight")
    views: int = option(10, "J, views of each image", least=2)
    prior_variance: float = option(0.15, "s_y, variance of an image's codes around their mean", above=0)
    cluster_prior: Literal["uniform", "gaussian"] = option(
        "uniform", "prior of the mean z̄; gaussian adds ‖z̄‖² / 2, as the authors' code does"
    )

    def check(self, info: DataInfo) -> None:
        if info.batch_size < 1:
            problem = f"a batch holds fewer than the {self.views} views of one image"
            raise StudyError(problem, f"use training.batch_size of at least {self.views}, which counts views")
        super().check(info)
        check_likelihood(self.likelihood, self.output)

    def samples(self, batch_size: int) -> int:
        return batch_size // self.views

    def terms(self, mean: Tensor, log_variance: Tensor, codes: Tensor) -> dict[str, Term]:
        z = codes.unflatten(0, (self.views, -1))  # (J, B, l)
        prior = scatter(z) / (2 * self.prior_variance)
        if self.cluster_prior == "gaussian":
            prior = prior + z.mean(0).square().sum(1) / 2
        entropy = self.entropy_scale * log_variance / 2  # without its constant
        return {"prior": Term(self.beta, prior), "entropy": Term(-self.beta, entropy)}

    @property
    def views_per_input(self) -> int:
        return self.views


def scatter(z: Tensor) -> Tensor:
    """Σⱼ ‖zʲ − z̄‖² of each image, for its views' codes (J, B, l) and their mean z̄: (B,)."""
    return (z - z.mean(0)).square().sum((0, 2))

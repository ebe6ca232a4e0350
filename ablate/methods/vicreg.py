"""VICReg: invariance of views, variance of features, and no covariance between features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.deferred import F, torch
from ablate.methods.contrast import SIMVAE, SettingsByDataset, TwoViews
from ablate.methods.method import Tensors
from ablate.methods.small_perceptron import SMALL_PERCEPTRON
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-4  # added to variances


@final
@dataclass(frozen=True)
class VICReg(TwoViews):
    """λ s(Z, Z') + μ (v(Z) + v(Z')) + ν (c(Z) + c(Z')): invariance, variance and covariance of two views' projections.

    Bardes, Ponce & LeCun 2022, arXiv:2105.04906, eqs. 1 to 6; as a baseline of Bizeul et al. 2024, arXiv:2402.01399.
    """

    source: ClassVar[str] = "Bardes, Ponce & LeCun 2022, arXiv:2105.04906; settings of Bizeul et al. 2024"
    logged: ClassVar[tuple[str, ...]] = ("loss", "invariance", "variance", "covariance")
    recipe: ClassVar[Mapping[str, Value]] = {
        "learning_rate": 1e-4,
        "schedule": "constant",
        "epochs": 600,  # of 600 to 800
        "batch_size": 128,
    }
    datasets: ClassVar[SettingsByDataset] = {
        name: {**settings, "proj_head": False} for name, settings in SIMVAE.items()
    }
    small: ClassVar[Mapping[str, Value]] = {**SMALL_PERCEPTRON, "head_dim": 4}

    invariance_weight: float = option(25.0, "λ, of the views' squared distance", least=0, former="invariance")
    variance_weight: float = option(25.0, "μ, of the hinge on features' deviations", least=0, former="variance")
    covariance_weight: float = option(1.0, "ν, of the features' squared covariances", least=0, former="covariance")
    vicreg_scaling: Literal["public", "paper"] = option(
        "public",
        "public: as in the authors' code, with means over dimensions (distance) and over views (variance)",
    )

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        projections, state = self.project(params, state, noise["view"])
        first, second = projections.unbind()
        scale = 1 / first.shape[1], 1 / 2
        per_distance, per_variance = scale if self.vicreg_scaling == "public" else (1.0, 1.0)
        invariance = per_distance * (first - second).square().sum(1).mean()
        variance = per_variance * (variance_loss(first) + variance_loss(second))
        covariance = covariance_loss(first) + covariance_loss(second)
        total = self.invariance_weight * invariance + self.variance_weight * variance
        total = total + self.covariance_weight * covariance
        shown = {"loss": total, "invariance": invariance, "variance": variance, "covariance": covariance}
        return total, shown, state


def variance_loss(z: Tensor) -> Tensor:
    """Mean over dimensions of max(0, 1 − √(Var + 10⁻⁴)), of projections (n, d) (Bardes et al. 2022, eq. 1)."""
    return F.relu(1 - (unbiased_variance(z) + EPSILON).sqrt()).mean()


def covariance_loss(z: Tensor) -> Tensor:
    """Σ of squared covariances of different dimensions, over d, of projections (n, d) (Bardes et al. 2022, eq. 4)."""
    n, d = z.shape
    deviations = z - z.mean(0)
    covariances = deviations.T @ deviations / (n - 1)
    different = ~torch.eye(d, dtype=torch.bool, device=z.device)
    return (covariances * different).square().sum() / d


def unbiased_variance(z: Tensor) -> Tensor:
    """Unbiased variance (d,) of each dimension of projections (n, d)."""
    return (z - z.mean(0)).square().sum(0) / (len(z) - 1)

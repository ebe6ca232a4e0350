"""Barlow Twins: the cross-correlation of two views' projections is brought close to the identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.deferred import nn, torch
from ablate.methods.contrast import ADAM, CIFAR_ALONE, SettingsByDataset, TwoViews, identity
from ablate.methods.method import Tensors
from ablate.methods.small_perceptron import SMALL_PERCEPTRON
from ablate.nets.heads import projection
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-5  # added to variances, as in batch norm


@final
@dataclass(frozen=True)
class BarlowTwins(TwoViews):
    """Σᵢ (1 − Cᵢᵢ)² + λ Σᵢ Σⱼ≠ᵢ Cᵢⱼ², for the cross-correlation C of the projections of two views.

    Zbontar, Jing, Misra, LeCun & Deny 2021, arXiv:2103.03230, eqs. 1 and 2.  The views pass the network one after the
    other, so that batch norm normalizes each alone, as in the paper.  The paper trains on ImageNet with LARS; the
    recipe here is that of SimCLR.
    """

    source: ClassVar[str] = "Zbontar, Jing, Misra, LeCun & Deny 2021, Barlow Twins, arXiv:2103.03230"
    logged: ClassVar[tuple[str, ...]] = ("loss", "invariance", "redundancy")
    recipe: ClassVar[Mapping[str, Value]] = ADAM
    datasets: ClassVar[SettingsByDataset] = CIFAR_ALONE
    small: ClassVar[Mapping[str, Value]] = {**SMALL_PERCEPTRON, "head_dim": 4}

    proj_head: bool = option(True, "compare the outputs of a 3-layer projection head; else the features themselves")
    head_dim: int = option(2048, "units of each layer of the head; 8192 in the paper, on ImageNet", least=1)
    redundancy_weight: float = option(0.005, "λ, of the squared correlations between different dimensions", least=0)

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        first, state = self.project(params, state, noise["view"][:1])
        second, state = self.project(params, state, noise["view"][1:])
        C = cross_correlation(first[0], second[0])
        same = torch.eye(len(C), dtype=torch.bool, device=C.device)
        invariance = (1 - C.diagonal()).square().sum()
        redundancy = C.masked_fill(same, 0).square().sum()
        total = invariance + self.redundancy_weight * redundancy
        return total, {"loss": total, "invariance": invariance, "redundancy": redundancy}, state

    def head(self) -> nn.Module:
        if not self.proj_head:
            return identity()
        return projection(self.features, self.head_dim, self.head_dim, layers=3)


def cross_correlation(first: Tensor, second: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Correlations (d, d) of the dimensions of projections (B, d) of two views over a batch (eq. 2)."""
    return standardized(first, epsilon).T @ standardized(second, epsilon) / len(first)


def standardized(z: Tensor, epsilon: float) -> Tensor:
    """Projections (B, d) with mean 0 and, but for epsilon, biased variance 1 in each dimension."""
    deviations = z - z.mean(0)
    return deviations * (deviations.square().mean(0) + epsilon).rsqrt()

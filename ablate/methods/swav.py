"""SwAV: predict the prototype assignment of one view from the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.deferred import F, torch
from ablate.methods.contrast import ADAM, CIFAR_ALONE, SettingsByDataset, TwoViews
from ablate.methods.method import Tensors, with_prefix, within
from ablate.methods.small_perceptron import SMALL_PERCEPTRON
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class SwAV(TwoViews):
    """½ [ℓ(s₁, q₂) + ℓ(s₂, q₁)]: the cross-entropy of softmax(s / τ) with the other view's balanced assignment q.

    Caron et al. 2020, arXiv:2006.09882, eqs. 1 to 3, with two crops and no queue; settings of Lee et al. 2021.

    Prototypes have unit length at every step, as in the authors' code.  A loss cannot change parameters, so the unit
    prototypes are state: the last update of the weight (its difference from `seen`, the weight one step before) is
    added to them, and they are normalized again.  While prototypes are frozen, updates by weight decay are left out.
    """

    revision: ClassVar[str] = "2"
    source: ClassVar[str] = "Caron et al. 2020, arXiv:2006.09882; as a baseline of Lee et al. 2021"
    recipe: ClassVar[Mapping[str, Value]] = ADAM
    datasets: ClassVar[SettingsByDataset] = CIFAR_ALONE
    comparable_loss: ClassVar[bool] = False  # its targets are assignments to prototypes that move
    small: ClassVar[Mapping[str, Value]] = {**SMALL_PERCEPTRON, "head_dim": 4, "prototypes": 5}

    prototypes: int = option(512, "P, number of prototypes", least=2)
    temperature: float = option(0.1, "τ, divides the scores of the prediction", above=0)
    sinkhorn_epsilon: float = option(0.05, "ε, divides the scores of the assignment", above=0, former="smoothness")
    sinkhorn_iterations: int = option(3, "iterations of Sinkhorn and Knopp's algorithm", least=1, former="iterations")
    frozen: float = option(0.01, "share of training before prototypes move; the first of 100 epochs", least=0, most=1)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        drawn = F.normalize(torch.randn(self.prototypes, self.projected, generator=generator), dim=1)
        memory = {"unit": drawn.clone(), "seen": drawn.clone(), "free": torch.tensor(False)}
        return {**params, "prototypes.weight": drawn}, {**state, **with_prefix("prototypes.", memory)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        prototypes, memory = self.updated_prototypes(
            params["prototypes.weight"], within(state, "prototypes."), batch["progress"]
        )
        projections, state = self.project(params, state, noise["view"])
        first, second = (F.normalize(projections, dim=2) @ prototypes.T).unbind()
        total = (self.swapped_loss(first, second) + self.swapped_loss(second, first)) / 2
        return total, {"loss": total}, {**state, **with_prefix("prototypes.", memory)}

    def updated_prototypes(self, weight: Tensor, memory: Tensors, progress: Tensor) -> tuple[Tensor, Tensors]:
        """Unit prototypes (P, d), whose gradient is the weight's unless they are frozen; and the new memory."""
        raw, free = weight.detach(), progress >= self.frozen
        unit = F.normalize(memory["unit"] + torch.where(memory["free"], raw - memory["seen"], 0), dim=1)
        gradient = torch.where(free, weight - raw, 0)  # zero; it carries the gradient
        return unit + gradient, {"unit": unit, "seen": raw, "free": free}

    def swapped_loss(self, predicting: Tensor, assigned: Tensor) -> Tensor:
        """Cross-entropy of one view's prediction with the other's assignment, both from scores (B, P)."""
        target = assignment(assigned.detach(), self.sinkhorn_epsilon, self.sinkhorn_iterations)
        return -(target * (predicting / self.temperature).log_softmax(1)).sum(1).mean()


def assignment(scores: Tensor, epsilon: Tensor | float, iterations: int) -> Tensor:
    """Assignments (B, P) whose rows sum to 1 and whose columns sum to about B / P (Caron et al. 2020, eq. 3).

    Each iteration normalizes columns, then rows; in logarithms, so that no entry underflows.
    """
    logs = scores / epsilon
    for _ in range(iterations):
        logs = logs.log_softmax(0).log_softmax(1)
    return logs.exp()

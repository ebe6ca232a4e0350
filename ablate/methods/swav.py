"""SwAV: predict from one view which prototypes the other one is assigned to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.data_info import DataInfo
from ablate.methods.contrast import CIFAR_ALONE, Settings, TwoViews
from ablate.methods.method import Tensors, below, within
from ablate.methods.simclr import SimCLR
from ablate.options import Value, option


@dataclass(frozen=True)
class SwAV(TwoViews):
    """½ [ℓ(s₁, q₂) + ℓ(s₂, q₁)]: the cross-entropy of softmax(s / τ) with the other view's balanced assignment q.

    Caron et al. 2020, arXiv:2006.09882, eqs. 1 to 3, with two crops and no queue; settings of Lee et al. 2021.

    Prototypes have unit length at every step, as in the authors' code.  No loss can change a parameter, so the state
    keeps the unit ones, to which the optimizer's last step (the weight less the one seen before it) is added before
    they are normalized again; a step that was not free moves nothing, whatever the weight decay.
    """

    revision: ClassVar[str] = "2"
    source: ClassVar[str] = "Caron et al. 2020, arXiv:2006.09882; as a baseline of Lee et al. 2021"
    recipe: ClassVar[Mapping[str, Value]] = SimCLR.recipe
    datasets: ClassVar[Settings] = CIFAR_ALONE

    prototypes: int = option(512, "P", least=2)
    temperature: float = option(0.1, "τ, divides the scores of the prediction", above=0)
    smoothness: float = option(0.05, "ε, divides the scores of the assignment", above=0)
    iterations: int = option(3, "rounds of Sinkhorn and Knopp's algorithm", least=1)
    frozen: float = option(0.01, "share of training in which prototypes stay; the first of 100 epochs", least=0, most=1)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        drawn = F.normalize(torch.randn(self.prototypes, self.projected, generator=generator), dim=1)
        kept = {"unit": drawn.clone(), "seen": drawn.clone(), "free": torch.tensor(False)}
        return {**params, "prototypes.weight": drawn}, {**state, **below("prototypes.", kept)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        prototypes, kept = self.moved(params["prototypes.weight"], within(state, "prototypes."), batch["progress"])
        projections, state = self.project(params, state, noise["view"])
        first, second = (F.normalize(projections, dim=2) @ prototypes.T).unbind()
        total = (self.swapped(first, second) + self.swapped(second, first)) / 2
        return total, {"loss": total}, {**state, **below("prototypes.", kept)}

    def moved(self, weight: Tensor, kept: Tensors, progress: Tensor) -> tuple[Tensor, Tensors]:
        """Unit prototypes (P, d), whose gradient is the weight's unless they stay, and what is kept of this step."""
        raw, free = weight.detach(), progress >= self.frozen
        unit = F.normalize(kept["unit"] + torch.where(kept["free"], raw - kept["seen"], 0), dim=1)
        gradient = torch.where(free, weight - raw, 0)  # of no value but its gradient
        return unit + gradient, {"unit": unit, "seen": raw, "free": free}

    def swapped(self, predicting: Tensor, assigned: Tensor) -> Tensor:
        """Cross-entropy of one view's prediction with the other's assignment, both from scores (B, P)."""
        target = assignment(assigned.detach(), self.smoothness, self.iterations)
        return -(target * (predicting / self.temperature).log_softmax(1)).sum(1).mean()


def assignment(scores: Tensor, smoothness: Tensor | float, iterations: int) -> Tensor:
    """Assignments (B, P) whose rows sum to 1 and whose columns sum to about B / P (Caron et al. 2020, eq. 3).

    Each round evens out the prototypes, then the points; in logarithms, so that nothing vanishes.
    """
    logs = scores / smoothness
    for _ in range(iterations):
        logs = logs.log_softmax(0).log_softmax(1)
    return logs.exp()

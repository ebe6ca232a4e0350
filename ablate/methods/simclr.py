"""SimCLR: contrast the two views of an image with all views of a batch; with distance enhancement as an option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.deferred import F, torch
from ablate.methods.contrast import ADAM, GREY_AND_FACES, SettingsByDataset, TwoViews
from ablate.methods.method import Tensors
from ablate.methods.small_perceptron import SMALL_PERCEPTRON
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

BIZEUL: Mapping[str, Value] = {  # section 4.5; of 600 to 800 epochs
    "epochs": 600,
    "batch_size": 128,
    "schedule": "constant",
    "warm_up": 0.0,
    "weight_decay": 0.0,
}
BIZEUL_RECIPES: SettingsByDataset = {  # the rates per data set, between 8e-5 and 1e-3, are not published
    "mnist": {**BIZEUL, "learning_rate": 1e-3},
    "emnist-digits": {**BIZEUL, "learning_rate": 1e-3},
    "fashion-mnist": {**BIZEUL, "learning_rate": 1e-3},
    "celeba": {**BIZEUL, "learning_rate": 3e-4},
}


@final
@dataclass(frozen=True)
class SimCLR(TwoViews):
    """NT-Xent + λ D: the cross-entropy of identifying a view's partner, and the mean cosine similarity D of images.

    Chen et al. 2020, arXiv:2002.05709, eq. 1; Lee et al. 2021, section 3.2 (D), whose settings are the defaults, those
    of training too; on grey images and faces the defaults are those of Bizeul et al. 2024, arXiv:2402.01399, without
    head and without D.  Both papers train on CIFAR-10: there the defaults are Lee et al.'s.
    """

    source: ClassVar[str] = "Chen et al. 2020, arXiv:2002.05709; Lee et al. 2021, Distance enhancement loss"
    logged: ClassVar[tuple[str, ...]] = ("loss", "contrast", "distance")
    recipe: ClassVar[Mapping[str, Value]] = ADAM
    recipes: ClassVar[SettingsByDataset] = BIZEUL_RECIPES
    datasets: ClassVar[SettingsByDataset] = {
        **{name: {**settings, "proj_head": False, "temperature": 0.7} for name, settings in GREY_AND_FACES.items()},
        "stl10": {"augmentation": "simclr-stl10"},
    }
    small: ClassVar[Mapping[str, Value]] = {**SMALL_PERCEPTRON, "head_dim": 4, "distance_enhancement": 0.1}

    temperature: float = option(0.5, "τ, divides the cosines", above=0)
    distance_enhancement: float = option(0.0, "λ, weight of D; 0.1 in the paper", least=0)
    de_pairs: Literal["within_view", "first_view", "all_2B"] = option(
        "within_view",
        "the pairs that D averages: within each view, within the first only, or all, partners included",
    )

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        projections, state = self.project(params, state, noise["view"])
        z = F.normalize(projections, dim=2)
        contrast = nt_xent(z, self.temperature)
        distance = self.distance(z)
        total = contrast + self.distance_enhancement * distance
        return total, {"loss": total, "contrast": contrast, "distance": distance}, state

    def distance(self, z: Tensor) -> Tensor:
        """D of unit projections (2, B, d)."""
        if self.de_pairs == "all_2B":
            return mean_cosine_similarity(z.flatten(0, 1))
        first, second = z.unbind()
        return (
            mean_cosine_similarity(first)
            if self.de_pairs == "first_view"
            else (mean_cosine_similarity(first) + mean_cosine_similarity(second)) / 2
        )


def nt_xent(z: Tensor, temperature: Tensor | float) -> Tensor:
    """−log softmax of a view's cosine with its partner among those with all other views, averaged over the 2 B views.

    Unit projections (2, B, d) of two views (Chen et al. 2020, eq. 1).
    """
    views = z.flatten(0, 1)
    itself = torch.eye(len(views), dtype=torch.bool, device=z.device)
    others = (views @ views.T / temperature).masked_fill(itself, -torch.inf)
    partner = (z[0] * z[1]).sum(1) / temperature  # the same for both views of an image
    return others.logsumexp(1).mean() - partner.mean()


def mean_cosine_similarity(z: Tensor) -> Tensor:
    """Σᵢ Σⱼ≠ᵢ zᵢ·zⱼ / (n − 1)² of unit vectors (n, d) (Lee et al. 2021, section 3.2)."""
    return (z.sum(0).square().sum() - z.square().sum()) / (len(z) - 1) ** 2

"""PCA and NMF, fitted by scikit-learn, and the base class of all methods that it fits."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, final

from ablate.data_info import DataInfo
from ablate.deferred import np, torch
from ablate.errors import StudyError, TrialError
from ablate.methods.method import Method, Objective, Tensors, with_prefix
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


@dataclass(frozen=True)
class Classical(Method):
    """A method that scikit-learn fits in closed form; embeddings are computed by torch, on the device of the inputs."""

    objectives: ClassVar[tuple[Objective, ...]] = ()
    cannot_pack: ClassVar[str] = "it is fitted, not trained: there are no steps to share"
    small: ClassVar[Mapping[str, Value]] = {"latent_dim": 4}

    latent_dim: int = option(10, "dimension of the embedding", least=1)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        raise AssertionError("fitted in closed form: there is nothing to draw")

    def solve(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        """Fit in double precision.  Raises TrialError where the data admit no fit."""
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        points = self.sample(inputs, generator).flatten(1).double().cpu().numpy()
        fitted = {name: torch.tensor(array, dtype=torch.float32) for name, array in self.fit(points, seed).items()}
        return with_prefix("encoder.", fitted), {}

    def sample(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """The points to fit on."""
        return inputs

    @abstractmethod
    def fit(self, points: Array, seed: int) -> Mapping[str, Array]:
        """Points (N, D) → the arrays that `embed` needs, by name; `seed` is for iterations that start at random."""


@final
@dataclass(frozen=True)
class PCA(Classical):
    """Projections of the centred data on the directions of largest variance."""

    source: ClassVar[str] = "Pearson 1901, On lines and planes of closest fit; scikit-learn's PCA"

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_rank(self.latent_dim, info)

    def fit(self, points: Array, seed: int) -> Mapping[str, Array]:
        from sklearn.decomposition import PCA as Fitted

        fitted = Fitted(self.latent_dim, random_state=seed).fit(points)
        return {"mean": fitted.mean_, "components": fitted.components_}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return (inputs.flatten(1) - params["encoder.mean"]) @ params["encoder.components"].T


@final
@dataclass(frozen=True)
class NMF(Classical):
    """The W ≥ 0 that makes ‖X − W H‖² smallest, for a dictionary H ≥ 0 learned with it."""

    source: ClassVar[str] = (
        "Lee & Seung 1999, Nature 401; coordinate descent of Cichocki & Phan 2009, scikit-learn's NMF"
    )

    start: Literal["nndsvd", "nndsvda", "random"] = option("nndsvd", "where W and H start; scikit-learn 0.23's default")
    iterations: int = option(200, "iterations of coordinate descent: at most in the fit, exactly to embed", least=1)
    tolerance: float = option(1e-4, "the fit ends at this share of the first iteration's change", least=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_rank(self.latent_dim, info)

    def fit(self, points: Array, seed: int) -> Mapping[str, Array]:
        from sklearn.decomposition import NMF as Fitted
        from sklearn.exceptions import ConvergenceWarning

        if points.min() < 0:
            remedy = "use method 'pca', or data without negative values"
            raise TrialError(
                f"NMF needs inputs that are nowhere negative, the smallest here is {points.min():g}", remedy
            )
        settings = {"init": self.start, "max_iter": self.iterations, "tol": self.tolerance, "random_state": seed}
        with warnings.catch_warnings(
            action="ignore", category=ConvergenceWarning
        ):  # the number of iterations is an option
            return {"components": Fitted(self.latent_dim, **settings).fit(points).components_}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return nonnegative_weights(inputs.flatten(1), params["encoder.components"], self.iterations)


def check_rank(latent_dim: int, info: DataInfo) -> None:
    """Raise StudyError where the embedding has more dimensions than the rank of the data matrix."""
    dimensions = math.prod(info.shape)
    if latent_dim > min(dimensions, info.samples):
        limit = f"{dimensions} dimensions" if dimensions <= info.samples else f"{info.samples} samples"
        remedy = f"use method.latent_dim of at most {min(dimensions, info.samples)}"
        raise StudyError(f"latent_dim {latent_dim} is more than the {limit} of the data", remedy)


def nonnegative_weights(inputs: Tensor, components: Tensor, iterations: int) -> Tensor:
    """The weights W (B, k) ≥ 0 with the smallest ‖X − W H‖², for inputs X (B, D) and components H (k, D).

    Coordinate descent from zero, independent for every point (Cichocki & Phan 2009); zero components are not used.
    """
    gram, products = components @ components.T, components @ inputs.T
    steps = torch.where(gram.diagonal() > 0, 1 / gram.diagonal(), 0)
    weights = torch.zeros_like(products)
    for _ in range(iterations):
        for row in range(len(components)):
            gradient = gram[row] @ weights - products[row]
            weights[row] = (weights[row] - steps[row] * gradient).clamp(min=0)
    return weights.T

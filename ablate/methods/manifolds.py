"""Isomap and locally linear embedding, fitted by scikit-learn; new points are embedded by their neighbours."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.data_info import DataInfo
from ablate.deferred import np, torch
from ablate.errors import StudyError, TrialError
from ablate.methods.classical import Array, Classical
from ablate.methods.method import Tensors
from ablate.options import option

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 512  # inputs embedded at a time: with 10,000 fitted points, a few matrices of 20 MB


@dataclass(frozen=True)
class Manifold(Classical):
    """A method that embeds a point by its nearest neighbours among the fitted points."""

    n_neighbors: int = option(5, "number of neighbours of a point", least=1)
    points: int = option(10_000, "most points to fit on, drawn from the training set", least=2)
    eigen_solver: Literal["auto", "arpack", "dense"] = option(
        "auto", "solver of the eigenproblem; auto chooses by size"
    )

    def check(self, info: DataInfo) -> None:
        super().check(info)
        fitted = min(self.points, info.samples)
        if self.n_neighbors >= fitted:
            remedy = f"use method.n_neighbors of at most {fitted - 1}"
            raise StudyError(f"n_neighbors {self.n_neighbors} is not below the {fitted} points to fit on", remedy)
        if self.latent_dim >= fitted:
            remedy = f"use method.latent_dim of at most {fitted - 1}"
            raise StudyError(f"latent_dim {self.latent_dim} is not below the {fitted} points to fit on", remedy)

    def sample(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.randperm(len(inputs), generator=generator)[: self.points].sort().values
        return inputs if len(inputs) <= self.points else inputs[chosen.to(inputs.device)]

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return torch.cat([self.embed_rows(params, rows) for rows in inputs.flatten(1).split(ROWS)])

    @abstractmethod
    def embed_rows(self, params: Tensors, inputs: Tensor) -> Tensor:
        """At most `ROWS` inputs (B, D) → (B, latent_dim)."""


@final
@dataclass(frozen=True)
class Isomap(Manifold):
    """Coordinates whose distances are the shortest paths along the graph of neighbours, by classical scaling.

    The components of a disconnected graph are joined at their nearest points.
    """

    source: ClassVar[str] = "Tenenbaum, de Silva & Langford 2000, Science 290; scikit-learn's Isomap"

    def fit(self, points: Array, seed: int) -> Mapping[str, Array]:
        from sklearn.manifold import Isomap as Fitted

        model = Fitted(n_neighbors=self.n_neighbors, n_components=self.latent_dim, eigen_solver=self.eigen_solver)
        with numpy_seed(seed), warnings.catch_warnings(action="ignore"):  # about components that are joined
            model.fit(points)
        kernel = model.kernel_pca_
        roots = np.sqrt(np.where(kernel.eigenvalues_ > 0, kernel.eigenvalues_, np.inf))
        return {
            "points": points,
            "distances": model.dist_matrix_,
            "centre": kernel._centerer.K_fit_rows_,
            "projection": kernel.eigenvectors_ / roots,
        }

    def embed_rows(self, params: Tensors, inputs: Tensor) -> Tensor:
        lengths, index = nearest(params["encoder.points"], inputs, self.n_neighbors)
        paths = params["encoder.distances"][index[:, 0]] + lengths[:, :1]
        for neighbor in range(1, self.n_neighbors):
            others = params["encoder.distances"][index[:, neighbor]] + lengths[:, neighbor, None]
            paths = torch.minimum(paths, others)
        kernel = -0.5 * paths.square() - params["encoder.centre"]
        return (kernel - kernel.mean(1, keepdim=True)) @ params["encoder.projection"]


@final
@dataclass(frozen=True)
class LocallyLinear(Manifold):
    """Coordinates that are reconstructed by the same weighted means of neighbours as the points themselves."""

    source: ClassVar[str] = "Roweis & Saul 2000, Science 290; scikit-learn's LocallyLinearEmbedding"

    regularization: float = option(1e-3, "share of the trace added to each point's local Gram matrix", above=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        dimensions = torch.Size(info.shape).numel()
        if self.latent_dim > dimensions:
            remedy = f"use method.latent_dim of at most {dimensions}"
            raise StudyError(f"latent_dim {self.latent_dim} is more than the data's {dimensions} dimensions", remedy)

    def fit(self, points: Array, seed: int) -> Mapping[str, Array]:
        from sklearn.manifold import LocallyLinearEmbedding

        settings = {"reg": self.regularization, "eigen_solver": self.eigen_solver, "random_state": seed}
        model = LocallyLinearEmbedding(n_neighbors=self.n_neighbors, n_components=self.latent_dim, **settings)
        try:
            model.fit(points)
        except (ValueError, RuntimeError) as problem:  # raised by ARPACK when it finds no null space
            remedy = "use method.eigen_solver 'dense', or more of method.n_neighbors"
            raise TrialError(f"locally linear embedding found no coordinates ({problem})", remedy) from problem
        return {"points": points, "embedding": model.embedding_}

    def embed_rows(self, params: Tensors, inputs: Tensor) -> Tensor:
        _, index = nearest(params["encoder.points"], inputs, self.n_neighbors)
        weights = barycentric(params["encoder.points"][index] - inputs[:, None], self.regularization)
        return (weights[:, None] @ params["encoder.embedding"][index]).squeeze(1)


def nearest(points: Tensor, inputs: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Distances (B, count) from inputs (B, D) to their nearest points among (N, D), and the points' indices."""
    ranks = points.square().sum(1) - 2 * inputs @ points.T  # squared distances less a constant per input
    index = ranks.topk(count, largest=False).indices
    return torch.linalg.vector_norm(points[index] - inputs[:, None], dim=2), index


def barycentric(offsets: Tensor, regularization: float) -> Tensor:
    """Weights (B, K), summing to 1, whose mean of neighbours at offsets (B, K, D) is nearest to the point.

    Roweis & Saul 2000, note 9; a share of its trace is added to each Gram matrix, to make it regular.
    """
    gram = offsets @ offsets.mT
    trace = gram.diagonal(dim1=1, dim2=2).sum(1)
    ridge = regularization * torch.where(trace > 0, trace, 1)
    ones = gram.new_ones(gram.shape[1])
    weights: Tensor = torch.linalg.solve(gram + ridge[:, None, None] * torch.diag(ones), ones.expand(gram.shape[:2]))
    return weights / weights.sum(1, keepdim=True)


@contextmanager
def numpy_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, and restore it afterwards; Isomap gives ARPACK no other source of randomness."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)

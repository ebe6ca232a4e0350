"""Isomap and locally linear embedding; new points are embedded by their neighbours.

Both are fitted as scikit-learn does, but for its choice of neighbours: among tied distances, which all data sets of
small integers have, it depends on the number of threads.
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.data_info import DataInfo
from ablate.deferred import np, torch
from ablate.errors import StudyError, TrialError
from ablate.methods.classical import Array, Classical
from ablate.methods.method import Tensors
from ablate.methods.nearest import nearest
from ablate.options import option

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from torch import Tensor

ZERO = 1e-12  # eigenvalues below it are 0 but for rounding
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

    revision: ClassVar[str] = "2"  # 2: neighbours at equal distance are those of the lowest indices
    source: ClassVar[str] = "Tenenbaum, de Silva & Langford 2000, Science 290; scikit-learn's Isomap"

    def fit(self, points: Array, seed: int) -> Mapping[str, Array]:
        from scipy.sparse.csgraph import shortest_path
        from sklearn.decomposition import KernelPCA

        lengths, index = other_neighbors(torch.from_numpy(points), self.n_neighbors)
        distances = shortest_path(joined(points, sparse_rows(lengths, index)), directed=False)
        kernel = KernelPCA(self.latent_dim, kernel="precomputed", eigen_solver=self.eigen_solver, random_state=seed)
        kernel.fit(-0.5 * distances**2)
        roots = np.sqrt(np.where(kernel.eigenvalues_ > 0, kernel.eigenvalues_, np.inf))
        return {
            "points": points,
            "distances": distances,
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

    revision: ClassVar[str] = "2"  # 2: neighbours at equal distance are those of the lowest indices
    source: ClassVar[str] = "Roweis & Saul 2000, Science 290; scikit-learn's LocallyLinearEmbedding"

    regularization: float = option(1e-3, "share of the trace added to each point's local Gram matrix", above=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        dimensions = math.prod(info.shape)
        if self.latent_dim > dimensions:
            remedy = f"use method.latent_dim of at most {dimensions}"
            raise StudyError(f"latent_dim {self.latent_dim} is more than the data's {dimensions} dimensions", remedy)

    def fit(self, points: Array, seed: int) -> Mapping[str, Array]:
        from scipy.sparse import eye_array

        x = torch.from_numpy(points)
        _, index = other_neighbors(x, self.n_neighbors)
        parts = zip(x.split(ROWS), index.split(ROWS), strict=True)
        weights = torch.cat([barycentric(x[rows] - part[:, None], self.regularization) for part, rows in parts])
        residual = eye_array(len(points), format="csr") - sparse_rows(weights, index)
        try:
            embedding = self.null_space((residual.T @ residual).tocsr(), seed)
        except RuntimeError as problem:  # raised by ARPACK when it finds no null space
            remedy = "use method.eigen_solver 'dense', or more of method.n_neighbors"
            raise TrialError(f"locally linear embedding found no coordinates ({problem})", remedy) from problem
        return {"points": points, "embedding": embedding}

    def null_space(self, matrix: csr_array, seed: int) -> Array:
        """The eigenvectors (N, latent_dim) of the smallest eigenvalues, without the constant one."""
        from scipy.linalg import eigh
        from scipy.sparse.linalg import eigsh

        samples = matrix.shape[0]
        few = samples > 200 and self.latent_dim + 1 < 10
        if self.eigen_solver == "arpack" or (self.eigen_solver == "auto" and few):
            start = np.random.RandomState(seed).uniform(-1, 1, samples)
            values, vectors = eigsh(matrix, self.latent_dim + 1, sigma=0.0, tol=1e-6, maxiter=100, v0=start)
        else:
            values, vectors = eigh(matrix.toarray(), subset_by_index=(0, self.latent_dim), overwrite_a=True)
        zero = values <= ZERO
        return np.hstack([without_constant(vectors[:, zero]), vectors[:, ~zero]])[:, -self.latent_dim :]

    def embed_rows(self, params: Tensors, inputs: Tensor) -> Tensor:
        _, index = nearest(params["encoder.points"], inputs, self.n_neighbors)
        weights = barycentric(params["encoder.points"][index] - inputs[:, None], self.regularization)
        return (weights[:, None] @ params["encoder.embedding"][index]).squeeze(1)


def other_neighbors(points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Distances (N, count) from points (N, D) to the nearest others among them, and their indices."""
    return nearest(points, points, count, own=torch.arange(len(points)))


def sparse_rows(values: Tensor, index: Tensor) -> csr_array:
    """The sparse matrix (N, N) whose rows have values (N, K) in columns (N, K)."""
    from scipy.sparse import csr_array as rows

    starts = np.arange(0, index.numel() + 1, index.shape[1], dtype=np.int32)
    columns = index.flatten().int().numpy()
    return rows((values.flatten().numpy(), columns, starts), shape=(len(index), len(index)))


def joined(points: Array, graph: csr_array) -> csr_array:
    """A graph of distances between points (N, D), with an edge between the nearest points of every two components."""
    from scipy.sparse.csgraph import connected_components

    count, component = connected_components(graph)
    members = [np.flatnonzero(component == part) for part in range(count)]
    edges = graph.tolil() if count > 1 else graph
    for part, others in itertools.combinations(members, 2):
        lengths, index = nearest(torch.from_numpy(points[others]), torch.from_numpy(points[part]), 1)
        first = int(lengths.argmin())
        edges[part[first], others[index[first, 0]]] = float(lengths[first, 0])
    return edges.tocsr()


def without_constant(basis: Array) -> Array:
    """A basis (N, K - 1) of the span of orthonormal vectors (N, K) without the constant vector, which it contains.

    A graph of several components has several eigenvalues of 0, whose eigenvectors are any basis of their span, chosen
    by rounding errors.  This one is the same for all: each vector has a positive pivot in which the later ones are 0.
    """
    from scipy.linalg import null_space, qr

    if basis.shape[1] < 2:
        return basis[:, 1:]
    rest = basis @ null_space(basis.sum(0, keepdims=True))
    rotation, triangular, _ = qr(rest.T, mode="economic", pivoting=True)
    turned: Array = rest @ (rotation * np.sign(triangular.diagonal()))
    return turned


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

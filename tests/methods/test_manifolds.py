"""Isomap and locally linear embedding: the embedding of new points, by hand and compared with scikit-learn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import manifold
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.methods import manifolds
from ablate.methods.manifolds import Isomap, LocallyLinear, Manifold, barycentric
from ablate.methods.method import Tensors

DIGITS = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
DIGITS += 1e-3 * torch.rand(DIGITS.shape, generator=torch.Generator().manual_seed(0))  # no two distances are equal
SEEN, NEW = DIGITS[:400], DIGITS[400:500]
METHODS = pytest.mark.parametrize(
    "method", [Isomap(n_neighbors=8, eigen_solver="arpack"), LocallyLinear(eigen_solver="arpack")]
)


def solved(method: Manifold, inputs: Tensor, seed: int = 0) -> Tensors:
    return method.solve(inputs, torch.Generator().manual_seed(seed))[0]


def arc(angles: Tensor) -> Tensor:
    return torch.stack([angles.cos(), angles.sin()], 1)


@pytest.mark.filterwarnings("ignore:The number of connected components", "ignore:Changing the sparsity structure")
@pytest.mark.parametrize("inputs", [NEW, SEEN[:50]])
def test_isomap_embeds_images_as_sklearn_does(inputs: Tensor) -> None:
    model = manifold.Isomap(n_neighbors=8, n_components=10).fit(SEEN.flatten(1).double().numpy())
    expected = torch.tensor(model.transform(inputs.flatten(1).double().numpy()))
    method = Isomap(n_neighbors=8)
    torch.testing.assert_close(method.embed(solved(method, SEEN), {}, inputs).double(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("inputs", [NEW, SEEN[:50]])
def test_lle_embeds_images_as_sklearn_does(inputs: Tensor) -> None:
    """With as many neighbours the graph has one component; the eigenvectors of several are any basis of their span."""
    method = LocallyLinear(n_neighbors=12)
    params = solved(method, SEEN)
    model = manifold.LocallyLinearEmbedding(n_neighbors=12, n_components=10, random_state=0)
    model.fit(SEEN.flatten(1).double().numpy())
    signs = torch.tensor(model.embedding_).mul(params["encoder.embedding"]).sum(0).sign()  # eigenvectors have no sign
    expected = torch.tensor(model.transform(inputs.flatten(1).double().numpy())) * signs
    torch.testing.assert_close(method.embed(params, {}, inputs).double(), expected, atol=1e-4, rtol=0)


def test_isomap_of_an_arc_is_its_length() -> None:
    """The coordinate of 200 points on an arc of radius 1 is the arc length, up to sign and offset."""
    angles = torch.linspace(0, 3, 200)
    method = Isomap(latent_dim=1, n_neighbors=2)
    params = solved(method, arc(angles))
    places = method.embed(params, {}, arc(torch.tensor([0.5, 1.0, 2.5]))).flatten()
    assert (places[1] - places[0]).abs().item() == pytest.approx(0.5, abs=0.02)
    assert (places[2] - places[1]).abs().item() == pytest.approx(1.5, abs=0.02)
    assert (places[2] - places[0]).abs().item() == pytest.approx(2.0, abs=0.02)  # the chord is 1.68


def test_lle_keeps_points_of_an_arc_in_order() -> None:
    angles = torch.linspace(0, 3, 100)
    method = LocallyLinear(latent_dim=1, n_neighbors=2)
    steps = method.embed(solved(method, arc(angles)), {}, arc(torch.linspace(0.1, 2.9, 30))).flatten().diff()
    assert (steps > 0).all() or (steps < 0).all()


def test_weights_of_neighbours_by_hand() -> None:
    """Offsets -1 and 3: Gram (1 -3; -3 9), trace 10, ridge 0.01: (1.01 w - 3 v, 9.01 v - 3 w) ∝ 1: 12.01 to 4.01."""
    weights = barycentric(torch.tensor([[[-1.0], [3.0]]]), 1e-3)
    assert weights.flatten().tolist() == pytest.approx([12.01 / 16.02, 4.01 / 16.02], abs=1e-4)


def test_neighbours_at_distance_zero_have_equal_weights() -> None:
    assert barycentric(torch.zeros(1, 2, 3), 1e-3).tolist() == [[0.5, 0.5]]


@METHODS
def test_splitting_the_inputs_changes_no_embedding(method: Manifold, monkeypatch: pytest.MonkeyPatch) -> None:
    params = solved(method, SEEN[:100])
    whole = method.embed(params, {}, NEW[:7])
    monkeypatch.setattr(manifolds, "ROWS", 3)
    torch.testing.assert_close(method.embed(params, {}, NEW[:7]), whole)


@METHODS
def test_points_limits_the_number_of_fitted_points(method: Any) -> None:
    few = type(method)(points=60)
    first, again, other = (solved(few, SEEN, seed)["encoder.points"] for seed in (0, 0, 1))
    rows = {tuple(point) for point in SEEN.flatten(1).tolist()}
    assert len(first) == len({tuple(point) for point in first.tolist()} & rows) == 60
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(solved(type(method)(points=100), SEEN[:100])["encoder.points"], SEEN[:100].flatten(1))


def test_components_of_the_graph_are_joined_at_their_nearest_points() -> None:
    """Two arcs that are 2 apart: a path from one to the other has that edge."""
    arcs = torch.cat([torch.arange(6.0), torch.arange(7.0, 13.0)])[:, None]
    params = solved(Isomap(latent_dim=1, n_neighbors=1), arcs)
    assert params["encoder.distances"][0, 11] == 12
    single = solved(Isomap(latent_dim=1, n_neighbors=2), torch.tensor([[0.0], [1.0], [2.0]]))
    assert single["encoder.distances"].tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]


@pytest.mark.parametrize("method", [Isomap(), LocallyLinear(), LocallyLinear(latent_dim=8)])
def test_neighbours_at_equal_distance_do_not_depend_on_the_number_of_threads(method: Manifold) -> None:
    """Pixels of the digits are whole numbers, so that many distances are equal."""
    tied = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
    embedded = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                embedded.append(method.embed(solved(method, tied[:500]), {}, tied[500:600]))
    finally:
        torch.set_num_threads(before)
    span = float(embedded[0].max() - embedded[0].min())
    for other in embedded[1:]:
        signs = (other * embedded[0]).sum(0).sign()  # eigenvectors have no sign
        torch.testing.assert_close(other * signs, embedded[0], atol=1e-4 * span, rtol=0)


@METHODS
def test_fits_of_one_seed_are_equal_for_any_state_of_numpys_generator(method: Manifold) -> None:
    np.random.seed(0)
    first = solved(method, SEEN, 3)
    np.random.seed(1)
    again = solved(method, SEEN, 3)
    assert all(torch.equal(first[name], again[name]) for name in first)


@METHODS
def test_the_state_of_numpys_generator_is_restored(method: Manifold) -> None:
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    solved(method, SEEN)
    assert np.random.random() == expected


def test_a_failure_of_arpack_is_reported_with_a_remedy() -> None:
    """Pairs of points that are each other's only neighbours: the matrix is exactly singular."""
    method = LocallyLinear(latent_dim=2, n_neighbors=1, eigen_solver="arpack")
    pairs = (
        torch.arange(50).div(2, rounding_mode="floor").pow(2)[:, None] + torch.tensor([0.0, 0.1]).repeat(25)[:, None]
    )
    with pytest.raises(TrialError, match=r"found no coordinates .*; use method.eigen_solver 'dense', or more of"):
        solved(method, pairs.repeat(1, 2))


@pytest.mark.parametrize(
    ("method", "settings", "info", "sentence"),
    [
        (
            Isomap,
            {"n_neighbors": 9},
            DataInfo((64,), 9, 2, 256),
            "n_neighbors 9 is not below the 9 points to fit on; use method.n_neighbors of at most 8",
        ),
        (
            LocallyLinear,
            {"n_neighbors": 50, "points": 50},
            DataInfo((64,), 900, 2, 256),
            "n_neighbors 50 is not below the 50 points to fit on; use method.n_neighbors of at most 49",
        ),
        (
            Isomap,
            {"latent_dim": 9},
            DataInfo((64,), 9, 2, 256),
            "latent_dim 9 is not below the 9 points to fit on; use method.latent_dim of at most 8",
        ),
        (
            LocallyLinear,
            {},
            DataInfo((3, 3), 900, 2, 256),
            "latent_dim 10 is more than the data's 9 dimensions; use method.latent_dim of at most 9",
        ),
    ],
)
def test_impossible_options_are_refused(
    method: Any, settings: Mapping[str, Any], info: DataInfo, sentence: str
) -> None:
    with pytest.raises(StudyError) as refused:
        method(**settings).check(info)
    assert str(refused.value) == sentence


def test_possible_options_are_not_refused() -> None:
    Isomap().check(DataInfo((3,), 11, 2, 256))
    LocallyLinear(n_neighbors=8, latent_dim=8).check(DataInfo((3, 3), 9, 2, 256))

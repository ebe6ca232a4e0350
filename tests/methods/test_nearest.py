"""Nearest points: by hand, compared with scikit-learn, and among tied distances."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ablate.methods import nearest as module
from ablate.methods.nearest import nearest


def draw(count: int, dimensions: int, seed: int = 0) -> Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def test_nearest_points_by_hand() -> None:
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]])
    lengths, index = nearest(points, torch.tensor([[0.0, 0.0], [3.0, 3.0]]), 2)
    assert index.tolist() == [[0, 2], [1, 2]]
    assert lengths.flatten().tolist() == pytest.approx([0, 1, 1, math.sqrt(13)])


def test_among_points_at_equal_distance_the_lowest_indices_are_chosen() -> None:
    """Around the origin, four points at distance 5 and one at 4."""
    points = torch.tensor([[5.0, 0.0], [0.0, 5.0], [0.0, 4.0], [-3.0, 4.0], [5.0, 0.0]])
    lengths, index = nearest(points, torch.zeros(1, 2), 3)
    assert index.tolist() == [[2, 0, 1]]
    assert lengths.tolist() == [[4, 5, 5]]


def test_ties_that_rounding_hides_are_ties() -> None:
    """Tenths have no exact binary form: the squared distances of the same steps in another order differ by rounding."""
    steps = torch.tensor([0.1, 0.2, 0.3, 0.7, 1.1])
    shuffled = torch.stack(
        [steps[torch.randperm(5, generator=torch.Generator().manual_seed(row))] for row in range(40)]
    )
    _, index = nearest(100.1 + shuffled.double(), torch.full((1, 5), 100.1).double(), 12)
    assert index.tolist() == [list(range(12))]


def test_equal_points_are_chosen_by_index_however_many_there_are() -> None:
    lengths, index = nearest(torch.ones(3000, 4), draw(3, 4), 5)
    assert index.tolist() == [[0, 1, 2, 3, 4]] * 3
    assert (lengths == lengths[:, :1]).all()


def test_points_that_are_the_inputs_themselves_are_left_out_and_their_copies_are_not() -> None:
    points = torch.tensor([[0.0], [0.0], [1.0]])
    _, index = nearest(points, points, 2, own=torch.arange(3))
    assert index.tolist() == [[1, 2], [0, 2], [0, 1]]


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_without_ties_the_neighbours_are_those_of_sklearn(offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also far from the origin, where squared coordinates round more than small distances."""
    monkeypatch.setattr(module, "ROWS", 7)
    points, inputs = offset + 1e-3 * draw(300, 20).double(), offset + 1e-3 * draw(40, 20, seed=1).double()
    lengths, index = nearest(points, inputs, 6)
    centre = points.mean(0)
    search = NearestNeighbors(n_neighbors=6, algorithm="kd_tree").fit((points - centre).numpy())
    expected = search.kneighbors((inputs - centre).numpy())
    assert np.array_equal(index.numpy(), expected[1])
    np.testing.assert_allclose(lengths.numpy(), expected[0], rtol=1e-9)

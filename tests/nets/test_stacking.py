"""A single trial and trials under vmap compute the same numbers by different calls."""

import torch
from torch import Tensor

from ablate.nets.stacking import gradient, known_true, under_vmap


def cubes(point: Tensor) -> tuple[Tensor, Tensor]:
    return point.pow(3).sum(), point + 1


def test_the_gradient_is_the_same_with_and_without_vmap() -> None:
    """d Σ x³ / dx = 3 x²."""
    point = torch.tensor([1.0, -2.0])
    alone, rest = gradient(cubes, point)
    assert (alone.tolist(), rest.tolist()) == ([3.0, 12.0], [2.0, -1.0])
    with under_vmap():
        both = torch.func.vmap(lambda row: gradient(cubes, row)[0])(torch.stack([point, 2 * point]))
    assert both.tolist() == [[3.0, 12.0], [12.0, 48.0]]


def test_the_gradient_does_not_change_its_point() -> None:
    point = torch.ones(2)
    gradient(cubes, point)
    assert not point.requires_grad


def test_no_condition_is_known_true_under_vmap() -> None:
    assert known_true(torch.tensor(True))
    assert not known_true(torch.tensor(False))
    with under_vmap():
        assert not known_true(torch.tensor(True))
    assert known_true(torch.tensor(True))

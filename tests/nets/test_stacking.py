"""One trial alone takes shorter ways to the same numbers."""

import torch
from torch import Tensor

from ablate.nets.stacking import certain, gradient, stack


def cubes(point: Tensor) -> tuple[Tensor, Tensor]:
    return point.pow(3).sum(), point + 1


def test_the_gradient_is_the_same_alone_and_in_a_stack() -> None:
    """d Σ x³ / dx = 3 x²."""
    point = torch.tensor([1.0, -2.0])
    alone, rest = gradient(cubes, point)
    assert (alone.tolist(), rest.tolist()) == ([3.0, 12.0], [2.0, -1.0])
    with stack():
        both = torch.func.vmap(lambda row: gradient(cubes, row)[0])(torch.stack([point, 2 * point]))
    assert both.tolist() == [[3.0, 12.0], [12.0, 48.0]]


def test_the_gradient_leaves_its_point_as_it_was() -> None:
    point = torch.ones(2)
    gradient(cubes, point)
    assert not point.requires_grad


def test_nothing_is_certain_in_a_stack() -> None:
    assert certain(torch.tensor(True))
    assert not certain(torch.tensor(False))
    with stack():
        assert not certain(torch.tensor(True))
    assert certain(torch.tensor(True))

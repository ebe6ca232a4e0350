"""Computations whose implementation differs between a single trial and trials stacked under `torch.func.vmap`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from ablate.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

UNDER_VMAP: ContextVar[bool] = ContextVar("under vmap", default=False)


@contextmanager
def under_vmap() -> Iterator[None]:
    """Mark that losses are called under `torch.func.vmap`."""
    token = UNDER_VMAP.set(True)
    try:
        yield
    finally:
        UNDER_VMAP.reset(token)


def gradient(function: Callable[[Tensor], tuple[Tensor, T]], point: Tensor) -> tuple[Tensor, T]:
    """The gradient of a function's first result at a point, and its second result; by autograd where it can be used."""
    if UNDER_VMAP.get():
        slope, rest = torch.func.grad(function, has_aux=True)(point)
        return slope, rest
    with torch.enable_grad():  # also where a loss is measured without gradients
        point = point.detach().requires_grad_()
        value, rest = function(point)
        return torch.autograd.grad(value, point)[0], rest


def known_true(condition: Tensor) -> bool:
    """Whether a condition () holds and can be read cheaply.

    False under vmap, where it may differ between members, and on an accelerator, where reading it would synchronize.
    """
    return not UNDER_VMAP.get() and condition.device.type == "cpu" and bool(condition)

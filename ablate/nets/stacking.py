"""What a loss may do where it runs for one trial alone, and not in a stack of trials (`torch.func.vmap`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

IN_STACK: ContextVar[bool] = ContextVar("in a stack", default=False)


@contextmanager
def stack() -> Iterator[None]:
    """What is computed within, is computed for a stack."""
    token = IN_STACK.set(True)
    try:
        yield
    finally:
        IN_STACK.reset(token)


def gradient(function: Callable[[Tensor], tuple[Tensor, T]], point: Tensor) -> tuple[Tensor, T]:
    """The gradient of a function's first result at a point, and its second; the faster way where it may be taken."""
    if IN_STACK.get():
        slope, rest = torch.func.grad(function, has_aux=True)(point)
        return slope, rest
    point = point.detach().requires_grad_()
    value, rest = function(point)
    return torch.autograd.grad(value, point)[0], rest


def certain(condition: Tensor) -> bool:
    """Whether a condition () is known to hold: never in a stack, whose members differ, nor at the cost of waiting."""
    return not IN_STACK.get() and condition.device.type == "cpu" and bool(condition)

"""Numerical precision of a training step: float32, tf32 or bfloat16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Literal

from ablate.deferred import torch

Precision = Literal["float32", "tf32", "bfloat16"]

CURRENT: ContextVar[Precision] = ContextVar("precision", default="float32")


@contextmanager
def step_precision(precision: Precision, device: torch.device) -> Iterator[None]:
    """Run the forward and backward pass in this precision.

    float32 keeps all 24 bits of the significand.  tf32 rounds factors to 11 bits on an accelerator, as torch does by
    default in convolutions, and changes nothing on a CPU.  bfloat16 multiplies and stores the activations of networks
    with 8 bits, while parameters and losses stay float32 (Micikevicius et al. 2018).
    """
    token = CURRENT.set(precision)
    try:
        with cuda_rounding("ieee" if precision == "float32" else "tf32") if device.type == "cuda" else nullcontext():
            yield
    finally:
        CURRENT.reset(token)


def network_autocast(device: torch.device) -> AbstractContextManager[object]:
    """The autocast in which a network is called: to bfloat16 where the step runs in it, else none."""
    if CURRENT.get() != "bfloat16":
        return nullcontext()
    # no cache: weights cast during the capture of a CUDA graph belong to the graph
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


@contextmanager
def cuda_rounding(how: Literal["ieee", "tf32"]) -> Iterator[None]:
    """Set how CUDA multiplies float32 in matrix products and convolutions, and restore the settings at the end."""
    convolutions: Any = torch.backends.cudnn  # torch does not declare the types of its attributes
    backends = torch.backends.cuda.matmul, convolutions.conv
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = how
        yield
    finally:
        for backend, previous in zip(backends, before, strict=True):
            backend.fp32_precision = previous

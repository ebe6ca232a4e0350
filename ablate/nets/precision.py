"""In which numbers networks are computed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Literal

import torch

Precision = Literal["float32", "tf32", "bfloat16"]

CURRENT: ContextVar[Precision] = ContextVar("precision", default="float32")


@contextmanager
def computing(precision: Precision, device: torch.device) -> Iterator[None]:
    """Have a step, its gradients too, computed so.

    float32 keeps all 24 bits; tf32 rounds factors to 11 bits on an accelerator, as torch does with convolutions unless
    told otherwise, and changes nothing on a CPU; bfloat16 has networks multiply and store numbers of 8 bits, while
    parameters and losses stay float32 (Micikevicius et al. 2018).
    """
    token = CURRENT.set(precision)
    try:
        with rounding("ieee" if precision == "float32" else "tf32") if device.type == "cuda" else nullcontext():
            yield
    finally:
        CURRENT.reset(token)


def network(device: torch.device) -> AbstractContextManager[object]:
    """What a network is computed in."""
    if CURRENT.get() != "bfloat16":
        return nullcontext()
    # casts of weights are not kept for later: what a CUDA graph has cast, is its own
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


@contextmanager
def rounding(how: Literal["ieee", "tf32"]) -> Iterator[None]:
    """Set how an NVIDIA accelerator multiplies float32, and put back what was set before."""
    convolutions: Any = torch.backends.cudnn  # whose parts torch does not declare
    backends = torch.backends.cuda.matmul, convolutions.conv
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = how
        yield
    finally:
        for backend, was in zip(backends, before, strict=True):
            backend.fp32_precision = was

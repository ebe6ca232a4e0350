"""In which numbers a step is computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

Precision = Literal["float32", "tf32", "bfloat16"]


@contextmanager
def computing(precision: Precision, device: torch.device) -> Iterator[None]:
    """Have products and convolutions computed so.

    float32 keeps all 24 bits, where torch would round convolutions on an accelerator; tf32 rounds factors to 11 bits
    there and changes nothing on a CPU; bfloat16 also stores what they give in 8 bits, while sums, norms and
    logarithms stay float32 (Micikevicius et al. 2018).
    """
    with rounding("ieee" if precision == "float32" else "tf32", device):
        if precision == "bfloat16":
            # casts of weights are not kept from one step to the next, which a CUDA graph could not do
            with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
                yield
        else:
            yield


@contextmanager
def rounding(how: Literal["ieee", "tf32"], device: torch.device) -> Iterator[None]:
    """Set how an NVIDIA accelerator multiplies float32, and put back what was set before."""
    if device.type != "cuda":
        yield
        return
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

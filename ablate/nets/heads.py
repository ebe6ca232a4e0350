"""Projection heads: small networks on an encoder's features."""

from __future__ import annotations

import functools

from ablate.deferred import nn, torch
from ablate.nets.encoders import activation


@functools.cache
def projection(
    inputs: int, hidden: int, outputs: int, *, batchnorm: bool = True, bias: bool = False, layers: int = 2
) -> nn.Sequential:
    """Features (B, inputs) → (B, outputs): affine maps with batch norm (if `batchnorm`) and ReLU between them.

    The hidden maps have biases, the last one only if `bias` (Chen et al. 2020, A simple framework, B.9: 2 or 3
    `layers`; a single one is a linear map).
    """
    parts: list[nn.Module] = []
    with torch.device("meta"):
        for _ in range(layers - 1):
            parts += [nn.Linear(inputs, hidden), *activation(hidden, batchnorm)]
            inputs = hidden
        return nn.Sequential(*parts, nn.Linear(inputs, outputs, bias=bias))

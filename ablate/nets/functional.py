"""Modules as pure functions of parameters and state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from ablate.deferred import nn, torch
from ablate.nets import precision

if TYPE_CHECKING:
    from torch import Tensor

    from ablate.nets.batchnorm import BatchNorm

Tensors: TypeAlias = "Mapping[str, Tensor]"


def apply(
    module: nn.Module, params: Tensors, state: Tensors, inputs: Tensor, *, training: bool, tracking: bool = False
) -> tuple[Tensor, Tensors]:
    """The module's output, and the state after it.

    The state changes only in training mode while `tracking`: then the running statistics of batch norm are updated.
    Entries of `params` and `state` that the module does not have are ignored.
    """
    module.train(training)  # always, since a submodule may have been applied in the other mode
    if not (training and tracking):
        return call(module, {**params, **state}, inputs), state
    layers = dict(batchnorms(module))
    for layer in layers.values():
        layer.tracking = True
    try:
        outputs = call(module, {**params, **state}, inputs)
        updated = {
            f"{prefix}{name}": value for prefix, layer in layers.items() for name, value in layer.updated.items()
        }
    finally:
        for layer in layers.values():
            layer.tracking, layer.updated = False, {}
    return outputs, {**state, **updated}


def call(module: nn.Module, tensors: Tensors, inputs: Tensor) -> Tensor:
    """The module's output in the type of its input, whatever the precision of the computation."""
    with precision.network_autocast(inputs.device):
        outputs: Tensor = torch.func.functional_call(module, dict(tensors), (inputs,))
    return outputs.to(inputs.dtype)


def batchnorms(module: nn.Module) -> Iterator[tuple[str, BatchNorm]]:
    """The batch-norm layers, each with the prefix of its tensors' names."""
    from ablate.nets.batchnorm import BatchNorm

    named = module.named_modules()
    return ((f"{path}." if path else "", layer) for path, layer in named if isinstance(layer, BatchNorm))

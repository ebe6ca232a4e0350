"""Initialization of parameters from an explicit generator, by torch's default rules or those of the layer's type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.deferred import nn, torch

if TYPE_CHECKING:
    from torch import Tensor

    from ablate.nets.layers import FanOutConv2d


def initialize(module: nn.Module, generator: torch.Generator) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The initial parameters and state of a module, which may live on the meta device, by their dotted names."""
    params: dict[str, Tensor] = {}
    state: dict[str, Tensor] = {}
    for path, layer in module.named_modules():
        for name, tensor in initial_values(layer, generator).items():
            kind = state if name in layer._buffers else params
            kind[f"{path}.{name}" if path else name] = tensor
    return params, state


def initial_values(layer: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """The initial tensors of one layer, without those of its sublayers."""
    from ablate.nets.batchnorm import BatchNorm
    from ablate.nets.layers import FanOutConv2d
    from ablate.nets.recurrent import GRU

    if isinstance(layer, FanOutConv2d):
        return normal_by_fan_out(layer, generator)
    if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d):
        return uniform_parameters(layer, layer.weight[0].numel() ** -0.5, generator)  # He et al. 2015, a = √5, as torch
    if isinstance(layer, GRU):
        return uniform_parameters(layer, layer.hidden**-0.5, generator)
    if isinstance(layer, BatchNorm):
        start = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
        return {name: torch.full(layer.weight.shape, value) for name, value in start.items()}
    assert not [*layer.parameters(recurse=False), *layer.buffers(recurse=False)], f"no rule to initialize {type(layer)}"
    return {}


def uniform_parameters(layer: nn.Module, bound: float, generator: torch.Generator) -> dict[str, Tensor]:
    """Every parameter of a layer, drawn uniformly from [-bound, bound]."""
    shapes = {name: tensor.shape for name, tensor in layer.named_parameters()}
    return {name: torch.empty(shape).uniform_(-bound, bound, generator=generator) for name, shape in shapes.items()}


def normal_by_fan_out(layer: FanOutConv2d, generator: torch.Generator) -> dict[str, Tensor]:
    """Weights from N(0, 2 / fan out) (He et al. 2015, eq. 14); a bias by torch's default rule."""
    fan_in, fan_out = layer.weight[0].numel(), layer.weight[:, 0].numel()
    weight = torch.empty(layer.weight.shape).normal_(0, (2 / fan_out) ** 0.5, generator=generator)
    if layer.bias is None:
        return {"weight": weight}
    bias = torch.empty(layer.bias.shape).uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
    return {"weight": weight, "bias": bias}

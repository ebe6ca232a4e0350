"""Optimizers over named tensors, whose memory can be read and given back."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from ablate.train.recipe import Recipe

Tensors = Mapping[str, Tensor]


class Optimizer:
    """Torch's Adam or SGD by a recipe, updating the given tensors in place.

    It calls torch's functions: its classes import the compiler, 2.7 of the 10 seconds that a worker takes to start.
    Their fused form takes one kernel for all parameters.
    """

    def __init__(self, params: Tensors, recipe: Recipe, memory: Mapping[str, Tensors]) -> None:
        """Go on from `memory` where it is not empty."""
        self.params = dict(params)
        self.recipe = recipe
        self.state = {
            name: {key: placed(params[name], tensor) for key, tensor in tensors.items()}
            for name, tensors in memory.items()
        }

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor], rate: Tensor | float) -> None:
        """One update by gradients in the order of the parameters; a rate may be on their accelerator."""
        pairs = zip(self.params.values(), gradients, strict=True)
        # a fused step silently misreads a gradient in another layout
        aligned = [own if own.stride() == param.stride() else placed(param, own) for param, own in pairs]
        if self.recipe.optimizer == "adam":
            self.adam(aligned, rate)
        else:
            self.sgd(aligned, rate)

    def adam(self, gradients: list[Tensor], rate: Tensor | float) -> None:
        self.state = self.state or {name: blank(param) for name, param in self.params.items()}
        kept = [self.state[name] for name in self.params]
        adam(
            list(self.params.values()),
            gradients,
            [entry["exp_avg"] for entry in kept],
            [entry["exp_avg_sq"] for entry in kept],
            [],
            [entry["step"] for entry in kept],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=self.recipe.weight_decay,
            eps=self.recipe.adam_epsilon,
            maximize=False,
        )

    def sgd(self, gradients: list[Tensor], rate: Tensor | float) -> None:
        buffers = [self.state[name]["momentum_buffer"] if self.state else None for name in self.params]
        sgd(
            list(self.params.values()),
            gradients,
            buffers,
            fused=True,
            weight_decay=self.recipe.weight_decay,
            momentum=self.recipe.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=self.recipe.nesterov,
            maximize=False,
        )
        kept = zip(self.params, buffers, strict=True)  # made by the first step, if there is momentum
        self.state = {name: {"momentum_buffer": buffer} for name, buffer in kept if buffer is not None}

    def memory(self) -> dict[str, dict[str, Tensor]]:
        """What is remembered of each parameter, copied to the CPU; empty before the first step."""
        return {name: {key: copied(value) for key, value in entry.items()} for name, entry in self.state.items()}


def blank(param: Tensor) -> dict[str, Tensor]:
    """Adam's memory before its first step, under torch's names."""
    step = torch.zeros((), device=param.device)
    return {"step": step, "exp_avg": torch.zeros_like(param), "exp_avg_sq": torch.zeros_like(param)}


def placed(param: Tensor, tensor: Tensor) -> Tensor:
    """A copy on the parameter's device and, if it is of its shape, in its layout."""
    if tensor.shape != param.shape:
        return tensor.to(param.device, copy=True)
    return torch.empty_like(param).copy_(tensor)


def copied(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU that shares nothing."""
    return tensor.detach().to("cpu", copy=True).contiguous()

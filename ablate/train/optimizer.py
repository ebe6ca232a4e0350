"""Adam and SGD over named tensors, with a state that can be saved and restored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ablate.deferred import torch
from ablate.nets.functional import Tensors
from ablate.train.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor


class Optimizer:
    """Torch's Adam or SGD by a recipe, updating the given tensors in place.

    It calls torch's functions, because torch's classes import the compiler: 2.7 of the 10 seconds that a worker takes
    to start.  Their fused form launches one kernel for all parameters.
    """

    def __init__(self, params: Tensors, recipe: Recipe, saved: Mapping[str, Tensors]) -> None:
        """Continue from a `saved` state: parameter → name → tensor; empty: a new optimizer."""
        self.params = dict(params)
        self.recipe = recipe
        self.state = {
            name: {key: copy_like(params[name], tensor) for key, tensor in tensors.items()}
            for name, tensors in saved.items()
        }

    def step(self, gradients: Iterable[Tensor], rate: Tensor | float) -> None:
        """Update once by gradients in the order of the parameters; `rate` may be a tensor () on their device."""
        pairs = zip(self.params.values(), gradients, strict=True)
        # a fused step silently misreads a gradient whose memory layout is not the parameter's
        with torch.no_grad():
            aligned = [own if own.stride() == param.stride() else copy_like(param, own) for param, own in pairs]
            if self.recipe.optimizer == "adam":
                self.adam(aligned, rate)
            else:
                self.sgd(aligned, rate)

    def adam(self, gradients: list[Tensor], rate: Tensor | float) -> None:
        from torch.optim.adam import adam

        self.state = self.state or {name: initial_adam_state(param) for name, param in self.params.items()}
        states = [self.state[name] for name in self.params]
        adam(
            list(self.params.values()),
            gradients,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
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
        from torch.optim.sgd import sgd

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
        named = zip(self.params, buffers, strict=True)  # torch fills `buffers` in the first step with momentum
        self.state = {name: {"momentum_buffer": buffer} for name, buffer in named if buffer is not None}

    def saved(self) -> dict[str, dict[str, Tensor]]:
        """The state of each parameter, copied to the CPU; empty before the first step."""
        return {name: {key: cpu_copy(value) for key, value in state.items()} for name, state in self.state.items()}


def initial_adam_state(param: Tensor) -> dict[str, Tensor]:
    """Adam's state before its first step, under torch's names."""
    step = torch.zeros((), device=param.device)
    return {"step": step, "exp_avg": torch.zeros_like(param), "exp_avg_sq": torch.zeros_like(param)}


def copy_like(param: Tensor, tensor: Tensor) -> Tensor:
    """A copy on the parameter's device and, where it has the parameter's shape, in its memory layout."""
    if tensor.shape != param.shape:
        return tensor.to(param.device, copy=True)
    return torch.empty_like(param).copy_(tensor)


def cpu_copy(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU, without a gradient, that shares no memory."""
    return tensor.detach().to("cpu", copy=True).contiguous()

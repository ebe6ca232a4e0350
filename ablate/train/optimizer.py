"""Optimizers over named tensors, whose memory can be read and given back."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ablate.train.recipe import Recipe

Tensors = Mapping[str, Tensor]


class Optimizer:
    """Torch's Adam or SGD by a recipe, updating the given tensors in place."""

    def __init__(self, params: Tensors, recipe: Recipe, memory: Mapping[str, Tensors]) -> None:
        """Go on from `memory` where it is not empty."""
        self.params = dict(params)
        self.torch = made(list(self.params.values()), recipe)
        if memory:
            entries = enumerate(memory[name] for name in self.params)
            state = {place: {name: tensor.clone() for name, tensor in entry.items()} for place, entry in entries}
            self.torch.load_state_dict({"state": state, "param_groups": self.torch.state_dict()["param_groups"]})

    def step(self, gradients: Iterable[Tensor], rate: float) -> None:
        """One update by gradients in the order of the parameters."""
        self.torch.param_groups[0]["lr"] = rate
        for param, gradient in zip(self.params.values(), gradients, strict=True):
            param.grad = gradient.contiguous()  # a fused step silently misreads any other layout
        self.torch.step()
        self.torch.zero_grad()

    def memory(self) -> dict[str, dict[str, Tensor]]:
        """What is remembered of each parameter, copied to the CPU; empty before the first step."""
        state = self.torch.state
        return {
            name: {key: copied(value) for key, value in state[param].items() if value is not None}
            for name, param in self.params.items()
            if param in state
        }


def made(params: list[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer that a recipe asks for; its fused form takes one kernel for all parameters."""
    if recipe.optimizer == "adam":
        decay = recipe.weight_decay
        return torch.optim.Adam(params, recipe.learning_rate, eps=recipe.adam_epsilon, weight_decay=decay, fused=True)
    return torch.optim.SGD(
        params,
        recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def copied(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU that shares nothing."""
    return tensor.detach().to("cpu", copy=True).contiguous()

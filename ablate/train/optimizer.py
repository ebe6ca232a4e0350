"""Adam over named tensors, whose memory can be read and given back."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]


class Adam:
    """Kingma & Ba 2015 with torch's defaults, updating the given tensors in place."""

    def __init__(self, params: Tensors, memory: Mapping[str, Tensors]) -> None:
        """Go on from `memory` where it is not empty."""
        self.params = dict(params)
        self.torch = torch.optim.Adam(self.params.values(), fused=True)
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
        return (
            {name: {key: copied(value) for key, value in state[param].items()} for name, param in self.params.items()}
            if state
            else {}
        )


def copied(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU that shares nothing."""
    return tensor.detach().to("cpu", copy=True).contiguous()

"""A method that learns nothing and logs five values per epoch: its launch takes the time that records need."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.methods.method import Method, Tensors
from ablate.options import option


@dataclass(frozen=True)
class Idle(Method):
    """A method without learned parameters, which embeds an input as ten of its values."""

    source: ClassVar[str] = "ablate's own benchmark of tracking"

    height: float = option(1.0, "factor of the logged loss")

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return {"encoder.unused": torch.zeros(1)}, {}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        middle = inputs[0].numel() // 2
        return inputs.flatten(1)[:, middle - 5 : middle + 5]

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        loss = self.height - batch["progress"] + 0 * params["encoder.unused"].sum()
        return loss, {"loss": loss, **{f"loss/{share}": loss / share for share in (2, 3, 4, 5)}}, state

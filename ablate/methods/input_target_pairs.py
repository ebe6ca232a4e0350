"""Pairs of the encoder's inputs and the decoder's targets, which autoencoders train on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.augment.pipeline import Pipeline
from ablate.deferred import torch
from ablate.methods.method import Tensors

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class InputTargetPairs:
    """V views of every input for the encoder, each with its target: itself, or the clean input."""

    pipeline: Pipeline
    views: int  # V
    target: str  # 'clean', or 'input' for the view itself

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Views (V, B, ...) of the inputs and the clean inputs (B, ...), as the networks receive them.

        Without random transforms the views are the clean inputs and are left out; nothing where the pipeline is empty.
        """
        if self.pipeline == Pipeline():
            return {}
        x = batch["input"]
        views = {"view": self.pipeline.views(x, self.views, generator)} if self.pipeline.transforms else {}
        return {**views, "clean": self.pipeline.clean(x)}

    def make(self, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensor]:
        """The encoder's inputs (V·B, ...), all first views before all second ones, and their targets (V·B, ...)."""
        clean = repeated(noise.get("clean", batch["input"]), self.views)
        seen = noise["view"].flatten(0, 1) if "view" in noise else clean
        return seen, clean if self.target == "clean" else seen


def repeated(inputs: Tensor, count: int) -> Tensor:
    """Inputs (B, ...) → (count·B, ...), the whole batch `count` times in succession."""
    return inputs if count == 1 else inputs.repeat(count, *[1] * (inputs.dim() - 1))

"""What every method promises: a pure function of (parameters, batch, noise), its settings the fields of a dataclass."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import Value

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Objective:
    """One loss over some of the parameters; at every step a method takes its turns in order."""

    loss: str  # the name of the method's function
    learns: tuple[str, ...]  # prefixes of the parameters that this turn updates


@dataclass(frozen=True)
class Pretraining:
    """The phase before: a method and its settings, trained on the same data by the same recipe and seed."""

    method: str
    settings: Mapping[str, Value]  # where they differ from the method's defaults


class Method(ABC):
    """A way to learn an encoder without labels.

    Subclasses are frozen dataclasses; their fields are their settings, and float fields may arrive as tensors so that
    a pack can vary them: compute with them, never branch on them.  Everything random is drawn in `init` and `draw`
    from the trial's own generator.  What no gradient learns (batch-norm statistics, queues, a scalar that a policy
    moves) is the *state*: a loss returns its update and changes no argument in place.  A method whose `turns` are
    empty is not trained; one that also overrides `solve` is fitted in closed form.
    """

    revision: ClassVar[str] = "1"  # raise it when results change: finished trials are then run again
    source: ClassVar[str]  # author, year, where
    objectives: ClassVar[tuple[Objective, ...]] = (Objective("loss", learns=("",)),)
    exported: ClassVar[str] = "encoder."  # prefix of the parameters and state that `embed` needs
    cannot_pack: ClassVar[str] = ""  # why trials of this method cannot train in one stack
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {}  # the paper's settings where they depend on the data
    recipe: ClassVar[Mapping[str, Value]] = {}  # the paper's training settings where they are not the recipe's defaults

    @abstractmethod
    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        """Draw the parameters and the first state, each a flat dict of dotted names."""

    @property
    def stacks(self) -> bool:
        """Whether trials of these settings train faster in one stack on an accelerator.

        Perceptrons do, whose kernels are too small to fill it; convolutions of several networks at once do not.
        """
        return not self.cannot_pack

    def pretraining(self) -> Pretraining | None:
        """What has to be trained before; None for a method that starts from nothing."""
        return None

    def load_pretrained(self, params: Tensors, state: Tensors, first: Tensors) -> tuple[Tensors, Tensors]:
        """The drawn parameters and state, with what the first phase's encoder holds."""
        return params, state

    def samples(self, batch_size: int) -> int:
        """Points of the data set in a batch; fewer where the paper counts the views that are made of them."""
        return batch_size

    def solve(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensors, Tensors] | None:
        """Fit in closed form: inputs (N, ...) → parameters and state; None for a method that is trained."""
        return None

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The noise of one step, drawn outside the loss."""
        return {}

    @abstractmethod
    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Clean inputs (B, ...) → representations (B, D), in evaluation mode; deterministic."""

    def check(self, info: DataInfo) -> None:
        """Raise StudyError where these settings cannot work on this data; a method that overrides it, calls it."""
        if self.objectives and info.batch_size > info.samples:
            raise StudyError(
                f"batch size {info.batch_size} is larger than the {info.samples} samples of the training set",
                f"use training.batch_size of at most {info.samples}",
            )


# A loss has the signature
#     loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]
# and returns the scalar to minimize, the scalars to show (named without prefix, 'loss' among them), and the new state.
# A batch holds "input" (B, ...) scaled floats, "label" (B,) integers, "index" (B,) positions in the training set, and
# "progress" (), the share of training that is done, in [0, 1).


def within(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    """The entries below a prefix, named without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def below(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """The same entries, named below a prefix."""
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}

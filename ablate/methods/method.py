"""`Method`, the base class of every method: a pure function of (parameters, batch, noise) with typed options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import torch
from ablate.errors import StudyError
from ablate.nets.functional import Tensors as Tensors  # the type of parameters, state, batches and noise
from ablate.options import Value

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Objective:
    """A loss and the parameters that it trains; a step minimizes a method's objectives one after the other."""

    loss: str  # the name of the method's function
    learns: tuple[str, ...]  # prefixes of the names of the parameters that this objective updates


@dataclass(frozen=True)
class Pretraining:
    """A method and its options that are trained first, on the same data with the same recipe and seed."""

    method: str
    settings: Mapping[str, Value]  # options that differ from the method's defaults


class Method(ABC):
    """A way to train an encoder.

    Concrete subclasses are final frozen dataclasses, and their fields are their options.  Options of type float may be
    tensors, because the trials of a pack may differ in them: a method computes with them and never branches on them.
    All random numbers are drawn in `init` and `draw`, from the generator passed in.  What no gradient updates
    (batch-norm statistics, queues, an adaptive λ) is the *state*: a loss returns the new state and changes no argument
    in place.  A method without `objectives` is not trained; if it overrides `solve`, it is fitted in closed form.
    """

    revision: ClassVar[str] = "1"  # raise it when results change: finished trials are then run again
    source: ClassVar[str]  # author, year, where
    objectives: ClassVar[tuple[Objective, ...]] = (Objective("loss", learns=("",)),)
    logged: ClassVar[tuple[str, ...]] = ("loss",)  # names of the values that training logs; none without objectives
    # whether the loss measures the same in every epoch: not where its targets or weights change as training goes on
    comparable_loss: ClassVar[bool] = True
    exported: ClassVar[str] = "encoder."  # prefix of the parameters and state that `embed` needs
    cannot_pack: ClassVar[str] = ""  # the reason why trials of this method cannot train in one stack
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {}  # data set → options that the paper chose for it
    recipe: ClassVar[Mapping[str, Value]] = {}  # the paper's training options that differ from the recipe's defaults
    recipes: ClassVar[Mapping[str, Mapping[str, Value]]] = {}  # data set → training options that differ from `recipe`
    small: ClassVar[Mapping[str, Value]] = {}  # options that make a step short, for `ablate.testing.methods`
    small_shape: ClassVar[tuple[int, ...]] = (6,)  # of the inputs in those tests: (D,) or (C, H, W)

    @abstractmethod
    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        """Draw the parameters and the initial state, each a flat dict of dotted names."""

    @property
    def stacks(self) -> bool:
        """Whether trials with these options train faster in one stack on an accelerator.

        Perceptrons do, because their kernels are too small to fill it; several convolutional networks at once do not.
        """
        return not self.cannot_pack

    def pretraining(self) -> Pretraining | None:
        """The pretraining whose encoder this method starts from, or None."""
        return None

    def load_pretrained(self, params: Tensors, state: Tensors, first: Tensors) -> tuple[Tensors, Tensors]:
        """The drawn parameters and state with the tensors `first` of the pretrained encoder put in."""
        return params, state

    def samples(self, batch_size: int) -> int:
        """Samples of the data set in a batch; fewer than `batch_size` where the paper counts views."""
        return batch_size

    def solve(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensors, Tensors] | None:
        """Fit in closed form: inputs (N, ...) → parameters and state; None for a method that is trained."""
        return None

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The noise of one step, drawn outside the loss."""
        return {}

    def unaugmented(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) of the data set → clean inputs (B, ...), as `embed` takes them."""
        return inputs

    @abstractmethod
    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Clean inputs or views (B, ...) → representations (B, D), in evaluation mode; deterministic."""

    def check(self, info: DataInfo) -> None:
        """Raise StudyError where these options cannot work on this data; overriding methods call it first."""
        if self.objectives and info.batch_size > info.samples:
            raise StudyError(
                f"batch size {info.batch_size} is larger than the {info.samples} samples of the training set",
                f"use training.batch_size of at most {info.samples}",
            )


# A loss has the signature
#     loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]
# and returns the scalar to minimize, the scalars to log (named without prefix, 'loss' among them), and the new state.
# A batch holds "input" (B, ...) scaled floats, "label" (B,) integers, "index" (B,) positions in the training set, and
# "progress" (), the share of training that is done, in [0, 1).


def within(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    """The entries whose names start with a prefix, under their names without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def with_prefix(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """All entries, with a prefix put before their names."""
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}

"""What some methods can do besides `embed`, for the probes and pictures that need it.

A new capability is an edit of this file: its name in `Capability`, the abstract class that methods derive from, its
row in `CAPABILITIES`, and its function in `Model`, through which probes call it.  All functions run in evaluation mode
and are deterministic given the generator that some of them take.  `view` takes inputs of the data set; the others take
clean inputs, as `Method.unaugmented` gives them, or views.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from ablate.deferred import torch
from ablate.methods.method import Method, Tensors

if TYPE_CHECKING:
    from torch import Tensor

Capability = Literal["posterior", "code", "log_likelihood", "view", "maps", "predict"]


class Stochastic(ABC):
    """A method whose encoder returns a distribution of codes."""

    @abstractmethod
    def posterior(self, params: Tensors, state: Tensors, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (B, ...) → mean and log variance (B, L) of the diagonal Gaussian q(z | x)."""


class Generative(ABC):
    """A method that can reconstruct inputs."""

    @abstractmethod
    def code(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → codes (B, L) that `decode` takes; the posterior's mean where there is one."""

    @abstractmethod
    def decode(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        """Codes (B, L) → inputs (B, ...) in the range of the data set's own."""


class Dense(ABC):
    """A method with a density of inputs given codes."""

    @abstractmethod
    def log_likelihood(self, params: Tensors, state: Tensors, inputs: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z) in nats (B,), of inputs (B, ...) and codes (B, L), constants included."""


class Augmenting(ABC):
    """A method that trains on augmented views of its inputs."""

    @abstractmethod
    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """One view of each input (B, ...) of the data set, drawn as in training; `embed` and the others take views."""


class Mapped(ABC):
    """A method whose features may be pooled maps."""

    @abstractmethod
    def maps(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → the last maps before pooling, flattened (B, M); the features where none are pooled."""


class Classifying(ABC):
    """A method that learns from labels and can predict them."""

    @abstractmethod
    def predict(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → logits (B, C)."""


class Model(ABC):
    """A frozen encoder as probes see it: all tensors are on the CPU, and none has a gradient.

    A function of a capability that the method does not have fails an assertion; `can` tests for it.
    """

    @property
    @abstractmethod
    def parameters(self) -> int:
        """The number of learned values: an encoder's, and a decoder's or classifier's where there is one."""

    @abstractmethod
    def can(self, capability: Capability) -> bool:
        """Whether the method has a capability."""

    @abstractmethod
    def embed(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → representations (B, D)."""

    @abstractmethod
    def call(self, function: str, *arguments: Any) -> Any:
        """The result of a function below, computed by the method."""

    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (B, ...) → mean and log variance (B, L) of q(z | x)."""
        return cast(tuple[torch.Tensor, torch.Tensor], self.call("posterior", inputs))

    def code(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → codes (B, L) that `decode` takes."""
        return cast(torch.Tensor, self.call("code", inputs))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, L) → inputs (B, ...)."""
        return cast(torch.Tensor, self.call("decode", codes))

    def log_likelihood(self, inputs: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z) in nats (B,)."""
        return cast(torch.Tensor, self.call("log_likelihood", inputs, codes))

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """One view of each input (B, ...) of the data set, drawn as in training."""
        return cast(torch.Tensor, self.call("view", inputs, generator))

    def maps(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → the last maps before pooling, flattened (B, M)."""
        return cast(torch.Tensor, self.call("maps", inputs))

    def predict(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → the method's own logits (B, C)."""
        return cast(torch.Tensor, self.call("predict", inputs))


@dataclass(frozen=True)
class Row:
    """One capability: the class that declares it, the words for messages, and how its functions are called."""

    kind: type  # the abstract class that a method with this capability derives from
    words: str  # completes 'the probe needs a method with ...'
    functions: tuple[str, ...]  # of that class
    learned: bool = True  # whether they use what was learned: params and state come before the other arguments


CAPABILITIES: Mapping[Capability, Row] = {
    "posterior": Row(Stochastic, "an encoder that gives a distribution", ("posterior",)),
    "code": Row(Generative, "a decoder", ("code", "decode")),
    "log_likelihood": Row(Dense, "a density of the data", ("log_likelihood",)),
    "view": Row(Augmenting, "augmented views", ("view",), learned=False),
    "maps": Row(Mapped, "maps that are pooled to features", ("maps",)),
    "predict": Row(Classifying, "a classifier of its own", ("predict",)),
}


def has_capability(method: type[Method], capability: Capability) -> bool:
    """Whether a method has a capability."""
    return issubclass(method, CAPABILITIES[capability].kind)


def row_of(function: str) -> Row:
    """The capability that a function belongs to."""
    return next(row for row in CAPABILITIES.values() if function in row.functions)

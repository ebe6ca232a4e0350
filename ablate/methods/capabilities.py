"""What some methods can do besides embed, for the probes and pictures that ask for it.

All of it is in evaluation mode and deterministic but for a generator.
"""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor

from ablate.methods.method import Method, Tensors

Capability = Literal[
    "posterior", "code", "log_likelihood", "view", "predict"
]  # each named for the function that it has


class Stochastic(ABC):
    """A method whose encoder gives a distribution."""

    @abstractmethod
    def posterior(self, params: Tensors, state: Tensors, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (B, ...) → mean and log variance (B, L) of the diagonal Gaussian q(z | x)."""


class Generative(ABC):
    """A method that can give inputs back."""

    @abstractmethod
    def code(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → what `decode` understands (B, L), the posterior's mean where there is one."""

    @abstractmethod
    def decode(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        """Codes (B, L) → inputs (B, ...) in the range of the data set's own."""


class Dense(ABC):
    """A method with a density of inputs given codes."""

    @abstractmethod
    def log_likelihood(self, params: Tensors, state: Tensors, inputs: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z) in nats (B,), of inputs (B, ...) and codes (B, L), constants included."""


class Classifying(ABC):
    """A method that learns from labels and can guess them."""

    @abstractmethod
    def predict(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → logits (B, C)."""


class Augmenting(ABC):
    """A method that trains on changed versions of its inputs."""

    @abstractmethod
    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """One view of each input (B, ...), drawn as training draws them."""


CAPABILITIES: dict[Capability, type] = {
    "posterior": Stochastic,
    "code": Generative,
    "log_likelihood": Dense,
    "view": Augmenting,
    "predict": Classifying,
}


def has_capability(method: type[Method], role: Capability) -> bool:
    """Whether trials of a method can be asked for this."""
    return issubclass(method, CAPABILITIES[role])

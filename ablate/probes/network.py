"""Perceptrons that probes train on frozen features: initialization, training steps and accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from ablate.deferred import F, nn, torch
from ablate.errors import TrialError

if TYPE_CHECKING:
    from torch import Tensor

Loss: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
Binary = Literal["softmax", "sigmoid"]
BINARY = "outputs for two classes: softmax of two, or sigmoid of one, with the threshold 0.5 (Bizeul et al.)"
BATCH = 4096  # samples in one forward pass without gradients


def perceptron(widths: Sequence[int], generator: torch.Generator, batchnorm: bool = False) -> nn.Sequential:
    """Linear layers of these widths with ReLU between them; `batchnorm` replaces the hidden biases by batch norm."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths[:-1]):
        layers.append(drawn_linear(inputs, outputs, generator, bias=not batchnorm))
        layers += [nn.BatchNorm1d(outputs), nn.ReLU()] if batchnorm else [nn.ReLU()]
    return nn.Sequential(*layers, drawn_linear(widths[-2], widths[-1], generator))


def drawn_linear(inputs: int, outputs: int, generator: torch.Generator, bias: bool = True) -> nn.Linear:
    """A layer with torch's default initialization, uniform in ±1/√inputs, but not from the global generator."""
    layer = nn.Linear(inputs, outputs, bias, device="meta").to_empty(device="cpu")
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5, generator)
    return layer


def output_count(classes: int, binary: Binary) -> int:
    """The outputs of a classifier, by the option `binary`."""
    return 1 if classes == 2 and binary == "sigmoid" else classes


def shuffled(samples: int, batch_size: int, generator: torch.Generator) -> Sequence[Tensor]:
    """One epoch's batches of positions (B,), in random order; a last batch of a single sample is dropped."""
    batches: Sequence[Tensor] = torch.randperm(samples, generator=generator).split(batch_size)
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) == 1 else batches  # batch norm needs two samples


def train(
    network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], optimizer: torch.optim.Optimizer, loss: Loss
) -> None:
    """Take one step on each batch of inputs (B, D) and targets (B, …); the network is then in evaluation mode."""
    network.train()
    device = device_of(network)
    for x, y in batches:
        optimizer.zero_grad()
        loss(network(x.to(device)), y.to(device)).backward()
        optimizer.step()
    network.eval()


def outputs(network: nn.Module, x: Tensor) -> Tensor:
    """Inputs (N, D) → the network's outputs (N, …), on the CPU."""
    device = device_of(network)
    with torch.no_grad():
        return torch.cat([network(part.to(device)).cpu() for part in x.split(BATCH)])


def device_of(network: nn.Module) -> torch.device:
    """The device of the parameters; the CPU where there are none."""
    return next((parameter.device for parameter in network.parameters()), torch.device("cpu"))


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of samples x (N, D) whose label y (N,) is predicted."""
    return (predictions(outputs(network, x)) == y).double().mean().item()


def predictions(logits: Tensor) -> Tensor:
    """Logits (N, C) → the labels (N,) of the largest; of a single logit (N, 1), whether its sigmoid is above 0.5."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)


def classification_loss(logits: Tensor, y: Tensor) -> Tensor:
    """The mean cross-entropy of logits (B, C) with labels (B,); of a single logit (B, 1), with labels 0 and 1."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], y.to(logits))
    return F.cross_entropy(logits, y)


def check_finite(parameters: Iterable[Tensor], probe: str, x: Tensor) -> None:
    """Raise TrialError where a parameter is not finite after training on features x."""
    if not all(parameter.isfinite().all() for parameter in parameters):
        raise TrialError(
            f"the {probe} diverged on features as large as {x.abs().max().item():.3g}",
            "lower its learning rate, or the scale of the embedding",
        )

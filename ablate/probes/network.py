"""Small networks that probes train on frozen features."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ablate.errors import TrialError

Loss = Callable[[Tensor, Tensor], Tensor]
AT_ONCE = 4096  # samples in a pass without gradients


def perceptron(widths: Sequence[int], generator: torch.Generator, batchnorm: bool = False) -> nn.Sequential:
    """Linear layers between the widths, ReLU between them; with batch norm before each ReLU, these have no bias."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths[:-1]):
        layers.append(drawn_linear(inputs, outputs, generator, bias=not batchnorm))
        layers += [nn.BatchNorm1d(outputs), nn.ReLU()] if batchnorm else [nn.ReLU()]
    return nn.Sequential(*layers, drawn_linear(widths[-2], widths[-1], generator))


def drawn_linear(inputs: int, outputs: int, generator: torch.Generator, bias: bool = True) -> nn.Linear:
    """A layer drawn as torch draws it, uniform in ±1/√inputs, but not from the global stream."""
    layer = nn.Linear(inputs, outputs, bias, device="meta").to_empty(device="cpu")
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5, generator)
    return layer


def shuffled(samples: int, batch_size: int, generator: torch.Generator) -> Sequence[Tensor]:
    """One epoch's batches of positions (B,), in random order; a last one of a single sample is left out."""
    batches: Sequence[Tensor] = torch.randperm(samples, generator=generator).split(batch_size)
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) == 1 else batches  # batch norm needs two


def train(
    network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], optimizer: torch.optim.Optimizer, loss: Loss
) -> None:
    """Take one step on each batch of inputs (B, D) and targets (B, …), and leave the network in evaluation mode."""
    network.train()
    device = device_of(network)
    for x, y in batches:
        optimizer.zero_grad()
        loss(network(x.to(device)), y.to(device)).backward()
        optimizer.step()
    network.eval()


@torch.no_grad()
def outputs(network: nn.Module, x: Tensor) -> Tensor:
    """Inputs (N, D) → what the network says of each (N, …)."""
    device = device_of(network)
    return torch.cat([network(part.to(device)).cpu() for part in x.split(AT_ONCE)])


def device_of(network: nn.Module) -> torch.device:
    """Where its parameters are; the CPU where it has none."""
    return next((parameter.device for parameter in network.parameters()), torch.device("cpu"))


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of samples x (N, D) whose largest logit is that of their label y (N,)."""
    return (outputs(network, x).argmax(dim=1) == y).double().mean().item()


def check_finite(network: nn.Module, probe: str, x: Tensor) -> None:
    """Raise TrialError where training on features x has gone beyond all numbers."""
    if not all(parameter.isfinite().all() for parameter in network.parameters()):
        raise TrialError(
            f"the {probe} diverged on features as large as {x.abs().max().item():.3g}",
            "lower its learning rate, or the scale of the embedding",
        )

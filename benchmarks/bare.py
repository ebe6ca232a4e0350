"""The invariant-features method written by hand, as a plain PyTorch loop: the baseline of training.py.

It takes the same steps as `ablate` with this method's defaults on vectors (Ntelemis et al. 2022), in one thread, and
imports nothing from `ablate`:

    python benchmarks/bare.py --samples 3000 --width 2304 --epochs 5
"""

import argparse
import math
import statistics
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    first = [nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ReLU()]
    second = [nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU()]
    return nn.Sequential(*first, *second, nn.Linear(hidden, outputs))


def track(net: nn.Module, on: bool) -> None:
    """Whether forward passes in training mode move batch norm's running statistics."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 0.1 if on else 0.0


def scaled(directions: Tensor, length: float) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(directions, dim=1, keepdim=True)
    return directions * (length / (norms + 1e-12))


def adversarial(net: nn.Module, inputs: Tensor, clean: Tensor, xi: float, epsilon: float) -> Tensor:
    probe = scaled(torch.randn_like(inputs), xi).requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(net(inputs + probe), clean), probe)
    return scaled(gradient, epsilon)


def sinkhorn(logits: Tensor, sinkhorn_lambda: float, rounds: int = 10) -> Tensor:
    """The first round in logarithms, the others as products: about four times as fast as ten rounds of logsumexp."""
    m, k = logits.shape
    rows = (logits / sinkhorn_lambda).log_softmax(1).softmax(0)
    columns = rows * (k / m)
    v = rows.new_ones(k)
    for _ in range(rounds - 1):
        u = (rows @ v).reciprocal()
        v = (u @ columns).reciprocal()
    plan = rows * v
    return plan / plan.sum(1, keepdim=True)


def target(logits: Tensor, sinkhorn_lambda: float, progress: float) -> tuple[Tensor, float]:
    """The adaptive policy, which stops as soon as λ stays the same."""
    half = math.log(logits.shape[1]) / 2
    wanted = half * (1 + (math.cos(math.pi * min(progress / 0.02, 1)) + 1) / 2)
    plan = sinkhorn(logits, sinkhorn_lambda)
    for _ in range(5):
        excess = -(plan * plan.clamp(min=1e-12).log()).sum(1).mean().item() - wanted
        moved = sinkhorn_lambda - 0.1 * ((excess > 0.005) - (excess < -0.005))
        moved = min(max(round(moved, 1), 0.1), 1.0)
        if moved == sinkhorn_lambda:
            break
        sinkhorn_lambda = moved
        plan = sinkhorn(logits, sinkhorn_lambda)
    return plan, sinkhorn_lambda


def divergence(plan: Tensor, logits: Tensor) -> Tensor:
    return F.kl_div(logits.log_softmax(1), plan, reduction="batchmean")


def train(
    inputs: Tensor, epochs: int, batch_size: int = 256, epsilon: float = 5.0, xi: float = 10.0, seed: int = 0
) -> tuple[list[float], float]:
    """Train on inputs (N, D) → seconds of every epoch, mean loss of the last one."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    net = nn.Sequential(mlp(inputs.shape[1], 1024, 10), mlp(10, 128, 100))
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    steps = len(inputs) // batch_size
    sinkhorn_lambda, step, seconds, mean = 1.0, 0, [], math.nan
    for _ in range(epochs):
        began, total = time.perf_counter(), 0.0
        for index in torch.randperm(len(inputs))[: steps * batch_size].view(steps, batch_size):
            batch, progress = inputs[index], step / (epochs * steps)
            optimizer.param_groups[0]["lr"] = 5e-4 if progress < 0.2 else 1e-4
            optimizer.zero_grad()
            track(net, True)
            with torch.no_grad():
                clean = net(batch).softmax(1)
            track(net, False)
            first = net(batch + adversarial(net, batch, clean, xi, epsilon))
            second = net(batch + adversarial(net, batch, clean, xi, epsilon))
            first_target, sinkhorn_lambda = target(first.detach(), sinkhorn_lambda, progress)
            second_target, sinkhorn_lambda = target(second.detach(), sinkhorn_lambda, progress)
            loss = divergence(second_target, first) + divergence(first_target, second)
            torch.autograd.backward(loss)
            optimizer.step()
            total += loss.item()
            step += 1
        seconds.append(time.perf_counter() - began)
        mean = total / steps
    return seconds, mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--width", type=int, default=2304, help="of one input; that of an FSDD spectrogram")
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    inputs = torch.rand(given.samples, given.width, generator=torch.Generator().manual_seed(0))
    seconds, loss = train(inputs, given.epochs)
    print(f"{statistics.median(seconds):.3f} s per epoch, loss {loss:.4f}")


if __name__ == "__main__":
    main()

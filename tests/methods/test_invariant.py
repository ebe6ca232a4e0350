"""The loss and the perturbations of the method `invariant`, compared with a reference in plain loops."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.invariant import Invariant
from ablate.methods.method import Tensors

B, D, K = 12, 5, 4


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def start(method: Invariant) -> tuple[Tensors, Tensors, Tensors, Tensors]:
    """Parameters, state, a batch and noise."""
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo((D,), 100, 2, B), generator)
    batch = {"input": torch.rand(B, D, generator=generator), "progress": torch.tensor(0.01)}
    return params, state, batch, method.draw(batch, generator)


def twin(method: Invariant, params: Tensors, state: Tensors) -> nn.Sequential:
    """The same network in plain torch."""

    def mlp(widths: tuple[int, int, int, int], batchnorm: bool) -> nn.Sequential:
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths[:3]):
            layers += [nn.Linear(inputs, outputs)]
            layers += [nn.BatchNorm1d(outputs)] if batchnorm else []
            layers += [nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[2], widths[3]))

    network = nn.Sequential()
    network.add_module("encoder", mlp((D, 1024, 1024, 10), method.batchnorm in ("encoder", "both")))
    network.add_module("classifier", mlp((10, 128, 128, K), method.batchnorm in ("classifier", "both")))
    counters = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" in name}
    network.load_state_dict({**params, **{n: t for n, t in state.items() if n != "smoothness"}, **counters})
    return network


def forward(network: nn.Module, x: Tensor, update: bool) -> Tensor:
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 0.1 if update else 0.0
    logits: Tensor = network(x)
    return logits


def reference_divergence(a: Tensor, b: Tensor) -> Tensor:
    terms = [a[i, j] * (a[i, j].log() - b[i, j].log()) for i in range(len(a)) for j in range(K)]
    return torch.stack(terms).sum() / len(a)


def reference_perturbation(method: Invariant, network: nn.Module, x: Tensor, clean: Tensor, noise: Tensor) -> Tensor:
    probe = torch.stack([10 * row / row.norm() for row in noise]).requires_grad_()
    moved = forward(network, x + probe, method.bn_update_on == "all").softmax(1)
    (gradient,) = torch.autograd.grad(reference_divergence(clean, moved), probe)
    return torch.stack([method.epsilon * row / row.norm() for row in gradient])


def reference_target(logits: Tensor, λ: float, wanted: float) -> tuple[Tensor, float]:
    def transport() -> Tensor:
        kernel = torch.exp(logits / λ)
        v = torch.ones(K)
        for _ in range(10):
            u = (1 / B) / torch.stack([(row * v).sum() for row in kernel])
            v = (1 / K) / torch.stack([(column * u).sum() for column in kernel.T])
        plan = torch.diag(u) @ kernel @ torch.diag(v)
        return torch.stack([row / row.sum() for row in plan])

    target = transport()
    for _ in range(5):
        entropy = -(target * target.log()).sum().item() / B
        if abs(entropy - wanted) <= 0.005:
            break
        λ = max(λ - 0.1, 0.1) if entropy > wanted else min(λ + 0.1, 1.0)
        λ = round(λ, 1)
        target = transport()
    return target, λ


def reference_loss(method: Invariant, network: nn.Module, batch: Tensors, noise: Tensors) -> tuple[Tensor, float]:
    """One step as described in section III of the paper, half way through the warm-up."""
    x, update = batch["input"], method.bn_update_on
    with torch.no_grad():
        clean = forward(network, x, update in ("clean", "all")).softmax(1)
    logits = []
    for direction in noise["direction"]:
        step = reference_perturbation(method, network, x, clean, direction)
        logits.append(forward(network, x + step, update in ("adversarial", "all")))
    wanted = 0.75 * math.log(K)
    q1, λ = reference_target(logits[0].detach(), 1.0, wanted)
    q2, λ = reference_target(logits[1].detach(), λ, wanted)
    p1, p2 = logits[0].softmax(1), logits[1].softmax(1)
    return reference_divergence(q2, p1) + reference_divergence(q1, p2), λ


@pytest.mark.parametrize("update", ["clean", "adversarial", "all"])
@pytest.mark.parametrize("batchnorm", ["none", "encoder", "classifier", "both"])
def test_loss_gradient_and_state_equal_those_of_a_reference_loop(batchnorm: Any, update: Any) -> None:
    method = Invariant(k=K, epsilon=0.5, batchnorm=batchnorm, bn_update_on=update)
    params, state, batch, noise = start(method)
    network = twin(method, params, state)
    expected, λ = reference_loss(method, network, batch, noise)
    learned = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
    loss, shown, after = method.loss(learned, state, batch, noise)
    torch.testing.assert_close(loss, expected)
    assert after["smoothness"].item() == shown["smoothness"].item() == pytest.approx(λ)
    assert λ < 1
    gradients = torch.autograd.grad(loss, [*learned.values()])
    theirs = torch.autograd.grad(expected, [dict(network.named_parameters())[name] for name in learned])
    for gradient, other in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-5, atol=1e-8)
    statistics = dict(network.named_buffers())
    for name in after.keys() - {"smoothness"}:
        torch.testing.assert_close(after[name], statistics[name])


def test_the_adversarial_step_is_the_gradient_of_the_divergence() -> None:
    """Central differences of the mean divergence, in every coordinate of the probe."""
    method = Invariant(k=K, epsilon=3.0, xi=2.0)
    params, state, batch, noise = start(method)
    x, direction = batch["input"], noise["direction"][0]
    network = twin(method, params, state).train()
    clean = network(x).detach()
    probe = torch.stack([2 * row / row.norm() for row in direction])

    def departure(change: Tensor) -> float:
        with torch.no_grad():
            moved = network(x + probe + change).log_softmax(1)
        return F.kl_div(moved, clean.softmax(1), reduction="batchmean").item()

    difference = torch.zeros(B, D)
    for row in range(B):
        for column in range(D):
            change = torch.zeros(B, D)
            change[row, column] = 1e-6
            difference[row, column] = (departure(change) - departure(-change)) / 2e-6
    step, _ = method.adversarial(params, state, x, clean, direction)
    expected = torch.stack([3 * row / row.norm() for row in difference])
    torch.testing.assert_close(step, expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(step.norm(dim=1), torch.full((B,), 3.0))


def versions(transformation: Any) -> tuple[tuple[Tensor, Tensor], Mapping[str, Tensor], nn.Module, Tensor]:
    """The two versions' logits, and the noise, network and inputs from which to compute what they should be."""
    method = Invariant(k=K, epsilon=0.5, transformation=transformation)
    params, state, batch, _ = start(method)
    noise = {"direction": torch.randn(2, B, D, generator=torch.Generator().manual_seed(1))}
    logits, _ = method.versions(params, state, batch["input"], noise)
    return logits, noise, twin(method, params, state), batch["input"]


def test_without_perturbation_both_versions_are_the_batch() -> None:
    (first, second), _, network, x = versions("np")
    torch.testing.assert_close(first, network(x))
    torch.testing.assert_close(second, first)


def test_a_random_perturbation_has_the_length_of_an_adversarial_one() -> None:
    logits, noise, network, x = versions("rp")
    for version, direction in zip(logits, noise["direction"], strict=True):
        step = torch.stack([0.5 * row / row.norm() for row in direction])
        torch.testing.assert_close(version, network(x + step))


def test_rp_and_vat_perturbs_one_version_each_way() -> None:
    mixed, random, adversarial = versions("rp+vat")[0], versions("rp")[0], versions("vat")[0]
    torch.testing.assert_close(mixed[0], random[0])
    torch.testing.assert_close(mixed[1], adversarial[1])


def test_adversarial_steps_change_predictions_more_than_random_ones() -> None:
    def departure(transformation: str) -> float:
        (first, _), _, network, x = versions(transformation)
        return F.kl_div(first.log_softmax(1), network(x).softmax(1), reduction="batchmean").item()

    assert departure("vat") > 1.5 * departure("rp") > 0


def test_lambda_starts_at_its_largest_value_or_at_the_constant_one() -> None:
    assert start(Invariant(k=K))[1]["smoothness"].item() == 1
    assert start(Invariant(k=K, sinkhorn_lambda=0.7))[1]["smoothness"].item() == 0.7


def test_embedding_needs_only_exported_tensors() -> None:
    method = Invariant(k=K)
    params, state, batch, _ = start(method)
    encoder = {n: tensor for n, tensor in {**params, **state}.items() if n.startswith(method.exported)}
    network = twin(method, params, state).eval().get_submodule("encoder")
    torch.testing.assert_close(method.embed(encoder, encoder, batch["input"]), network(batch["input"]))


@pytest.mark.parametrize(
    ("settings", "info", "sentence"),
    [
        (
            {"network": "cnn"},
            DataInfo((2304,), 3000, 10, 256),
            "network 'cnn' needs images (C, H, W), the data are vectors (2304); use network 'mlp'",
        ),
        (
            {},
            DataInfo((64,), 200, 10, 256),
            "batch size 256 is larger than the 200 samples of the training set; use training.batch_size of at most 200",
        ),
        (
            {},
            DataInfo((64,), 200, 10, 1),
            "batch norm cannot work on batches of 1; use a larger training.batch_size or batchnorm 'none'",
        ),
        (
            {"sinkhorn_lambda": -0.5},
            DataInfo((64,), 200, 10, 10),
            "sinkhorn_lambda -0.5 is not above 0; use a positive number or 'adaptive'",
        ),
    ],
)
def test_impossible_options_are_refused(settings: dict[str, Any], info: DataInfo, sentence: str) -> None:
    with pytest.raises(StudyError) as refused:
        Invariant(**settings).check(info)
    assert str(refused.value) == sentence


def test_possible_options_are_not_refused() -> None:
    Invariant().check(DataInfo((64,), 256, 10, 256))
    Invariant(network="cnn", sinkhorn_lambda=0.5).check(DataInfo((1, 28, 28), 60000, 10, 256))
    Invariant(batchnorm="none").check(DataInfo((64,), 1, 0, 1))

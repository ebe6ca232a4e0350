"""SwAV's assignment, loss and prototypes, by hand, against lightly, and after resuming."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.data_info import DataInfo
from ablate.methods.method import Tensors
from ablate.methods.swav import SwAV, assignment
from ablate.train.checkpoint import load, save
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe

LN3 = math.log(3)
PLAIN: dict[str, Any] = {
    "network": "mlp",
    "latent_dim": 2,
    "augmentation": "none",
    "proj_head": False,
    "prototypes": 3,
}
IMAGES: dict[str, Any] = {"network": "narrow", "width": 2, "latent_dim": 3, "augmentation": "simclr-grey"}


def start(method: SwAV) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors with which the encoder returns its inputs; prototypes are as drawn."""
    params, state = method.init(DataInfo((2,), 10, 2, 2), torch.Generator().manual_seed(0))
    wires = {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}
    return {**wires, "prototypes.weight": params["prototypes.weight"]}, dict(state)


def memory(unit: list[list[float]], seen: list[list[float]], free: bool = True) -> dict[str, Tensor]:
    return {"unit": torch.tensor(unit), "seen": torch.tensor(seen), "free": torch.tensor(free)}


def test_one_iteration_by_hand() -> None:
    """Kernel (1, 3), (1, 1): columns sum to 1 as (½, ¾), (½, ¼), then rows as (2/5, 3/5), (2/3, 1/3)."""
    found = assignment(torch.tensor([[0.0, LN3 / 2], [0.0, 0.0]]), 0.5, iterations=1)
    torch.testing.assert_close(found, torch.tensor([[2 / 5, 3 / 5], [2 / 3, 1 / 3]]))


def test_many_iterations_balance_the_prototypes() -> None:
    scores = torch.rand(8, 4, generator=torch.Generator().manual_seed(0))
    found = assignment(scores, 0.5, iterations=50)
    torch.testing.assert_close(found.sum(1), torch.ones(8))
    torch.testing.assert_close(found.sum(0), torch.full((4,), 2.0))


def test_assignments_are_those_of_lightly() -> None:
    from lightly.loss.swav_loss import sinkhorn

    scores = 2 * torch.rand(12, 5, generator=torch.Generator().manual_seed(0)) - 1
    torch.testing.assert_close(assignment(scores, 0.05, iterations=3), sinkhorn(scores, 3, 0.05))


def test_assignments_of_small_epsilon_are_finite() -> None:
    scores = 2 * torch.rand(12, 5, generator=torch.Generator().manual_seed(0)) - 1
    assert assignment(scores, 1e-3, iterations=3).sum(1).tolist() == pytest.approx([1] * 12)


def test_the_loss_is_that_of_lightly() -> None:
    from lightly.loss import SwaVLoss

    method = SwAV(**PLAIN)
    params, state = start(method)
    views = torch.rand(2, 6, 2, generator=torch.Generator().manual_seed(1))
    loss, _, _ = method.loss(params, state, {"progress": torch.tensor(0.5)}, {"view": views})
    scores = [F.normalize(view, dim=1) @ params["prototypes.weight"].T for view in views]
    torch.testing.assert_close(loss, SwaVLoss()(scores, []).squeeze())


def test_the_loss_by_hand() -> None:
    """Assignments are uniform for this large ε; the scores of predictions are 1 and 0 at τ = 1."""
    method = SwAV(**{**PLAIN, "prototypes": 2}, temperature=1.0, sinkhorn_epsilon=1000.0)
    params, state = start(method)
    state |= {"prototypes.unit": torch.eye(2)}
    views = torch.eye(2).expand(2, 2, 2)
    loss, _, _ = method.loss(params, state, {"progress": torch.tensor(0.5)}, {"view": views})
    assert loss.item() == pytest.approx(math.log(1 + math.e) - 0.5, abs=1e-3)


def test_each_view_predicts_the_assignment_of_the_other() -> None:
    """One-hot assignments that differ: a prediction of 1 where 0 is assigned costs ln(1 + e), not ln(1 + 1/e)."""
    method = SwAV(**{**PLAIN, "prototypes": 2}, temperature=1.0)
    params, state = start(method)
    state |= {"prototypes.unit": torch.eye(2)}
    views = torch.stack([torch.eye(2), torch.eye(2).flip(0)])
    loss, _, _ = method.loss(params, state, {"progress": torch.tensor(0.5)}, {"view": views})
    assert loss.item() == pytest.approx(math.log(1 + math.e), abs=1e-3)


def test_the_update_of_the_weight_is_added_to_unit_prototypes() -> None:
    """(1, 0) is moved by (9, 1) - (9.4, 0.2) = (-0.4, 0.8) to (0.6, 0.8), whatever the raw length."""
    method = SwAV(**PLAIN)
    state = memory([[1.0, 0.0]], [[9.4, 0.2]])
    moved, after = method.updated_prototypes(torch.tensor([[9.0, 1.0]]), state, torch.tensor(0.5))
    torch.testing.assert_close(moved, torch.tensor([[0.6, 0.8]]))
    torch.testing.assert_close(after["unit"], moved)
    assert after["seen"].tolist() == [[9, 1]]


def test_prototypes_are_normalized_at_every_step() -> None:
    moved, _ = SwAV(**PLAIN).updated_prototypes(
        torch.tensor([[6.0, 8.0]]), memory([[1.0, 0.0]], [[1.0, 0.0]]), torch.tensor(0.5)
    )
    torch.testing.assert_close(moved, torch.tensor([[0.6, 0.8]]))


def test_the_gradient_does_not_pass_the_normalization() -> None:
    """As in the authors' code, which normalizes prototypes between two steps."""
    weight = torch.tensor([[9.0, 1.0]], requires_grad=True)
    moved, _ = SwAV(**PLAIN).updated_prototypes(weight, memory([[1.0, 0.0]], [[9.0, 1.0]]), torch.tensor(0.5))
    (gradient,) = torch.autograd.grad((moved * torch.tensor([[2.0, 3.0]])).sum(), weight)
    assert gradient.tolist() == [[2, 3]]


def test_prototypes_are_frozen_at_first() -> None:
    """Within the frozen share there is no gradient, and updates by weight decay are left out."""
    method = SwAV(**PLAIN, frozen=0.1)
    weight = torch.tensor([[0.9, 0.0]], requires_grad=True)
    early, state = method.updated_prototypes(weight, memory([[1.0, 0.0]], [[1.0, 0.0]], free=False), torch.tensor(0.05))
    assert not torch.autograd.grad(early.sum(), weight)[0].any()
    late, state = method.updated_prototypes(torch.tensor([[0.8, 0.3]]), state, torch.tensor(0.1))
    assert early.tolist() == late.tolist() == [[1, 0]]
    moved, _ = method.updated_prototypes(torch.tensor([[0.4, 1.1]]), state, torch.tensor(0.2))
    torch.testing.assert_close(moved, torch.tensor([[0.6, 0.8]]))


def test_resuming_changes_no_bit_of_the_prototypes(tmp_path: Path) -> None:
    data = TrainingSet(torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3, 1.0)

    def fit(*resume: Any) -> Fit:
        method = SwAV(**IMAGES, prototypes=5, frozen=0.4)
        return Fit([method], [Recipe(epochs=2, batch_size=4)], [0], data, torch.device("cpu"), resume)

    whole, first = fit(), fit()
    before = first.checkpoint(0).state["prototypes.unit"]
    expected = [event for events in whole.steps() for event in events]
    started = [event for _, events in zip(range(4), first.steps(), strict=False) for event in events]
    save(tmp_path / "4.pt", first.checkpoint(0))
    second = fit(load(tmp_path / "4.pt"))
    assert [*started, *(event for events in second.steps() for event in events)] == expected
    found, wanted = second.checkpoint(0), whole.checkpoint(0)
    assert all(torch.equal(found.state[name], tensor) for name, tensor in wanted.state.items())
    assert (found.state["prototypes.unit"] - before).abs().max() > 1e-4  # by steps, and not by rounding
    torch.testing.assert_close(found.state["prototypes.unit"].norm(dim=1), torch.ones(5))


def test_unit_prototypes_are_state_and_not_parameters() -> None:
    params, state = SwAV(**PLAIN).init(DataInfo((2,), 10, 2, 2), torch.Generator().manual_seed(0))
    names: tuple[Tensors, ...] = (params, state)
    assert [sorted(n for n in tensors if n.startswith("prototypes.")) for tensors in names] == [
        ["prototypes.weight"],
        ["prototypes.free", "prototypes.seen", "prototypes.unit"],
    ]

"""VICReg's three terms, by hand and against lightly."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.methods.vicreg import VICReg, covariance_loss, variance_loss

PLAIN: dict[str, Any] = {"network": "mlp", "latent_dim": 2, "augmentation": "none", "proj_head": False}
FIRST, SECOND = [[0.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]
HALF = 1 - 0.5001**0.5  # the variance loss of a variance of a half


def loss(method: VICReg, views: Tensor) -> tuple[Tensor, dict[str, float]]:
    """The loss of features that equal the inputs, if these are not negative."""
    params, _ = method.init(DataInfo(tuple(views.shape[2:]), 10, 2, 2), torch.Generator().manual_seed(0))
    wires = {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}
    total, values, _ = method.loss(wires, {}, {}, {"view": views})
    return total, {name: value.item() for name, value in values.items()}


def test_variance_loss_by_hand() -> None:
    """Variances of ½ and 0: the first with n - 1; the second has a deviation of √10⁻⁴ = 0.01."""
    assert variance_loss(torch.tensor([[0.0, 3.0], [1.0, 3.0]])).item() == pytest.approx((HALF + 0.99) / 2)
    assert variance_loss(torch.tensor([[0.0], [2.0]])).item() == 0


def test_covariance_loss_by_hand() -> None:
    """(0, 0, 5) and (1, -1, 5): -½ between the first two, squared, twice, over three dimensions."""
    assert covariance_loss(torch.tensor([[0.0, 0.0, 5.0], [1.0, -1.0, 5.0]])).item() == pytest.approx(0.5 / 3)


@pytest.mark.parametrize(("scaling", "distance", "views"), [("paper", 1.0, 1.0), ("public", 0.5, 0.5)])
def test_the_loss_by_hand_in_both_scalings(scaling: Any, distance: float, views: float) -> None:
    """Squared distances 1 and 0, mean ½; variance loss HALF twice for the first view, 0.99 and HALF for the second."""
    method = VICReg(**PLAIN, invariance_weight=3.0, variance_weight=5.0, covariance_weight=7.0, vicreg_scaling=scaling)
    invariance, variance = distance * 0.5, views * (HALF + (0.99 + HALF) / 2)
    _, values = loss(method, torch.tensor([FIRST, SECOND]))
    total = 3 * invariance + 5 * variance + 7 * 0.25
    expected = {"loss": total, "invariance": invariance, "variance": variance, "covariance": 0.25}
    assert values == pytest.approx(expected)


def test_the_public_loss_is_that_of_lightly() -> None:
    from lightly.loss import VICRegLoss

    views = torch.rand(2, 9, 6, generator=torch.Generator().manual_seed(0))
    total, _ = loss(VICReg(**{**PLAIN, "latent_dim": 6}), views)
    torch.testing.assert_close(total, VICRegLoss()(*views))

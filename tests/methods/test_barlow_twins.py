"""Barlow Twins: the cross-correlation and the loss, by hand and against lightly."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ablate.data_info import DataInfo
from ablate.methods.barlow_twins import BarlowTwins, cross_correlation

PLAIN: dict[str, Any] = {"network": "mlp", "latent_dim": 2, "augmentation": "none", "proj_head": False}
SQUARE = [[1.0, 1.0], [1.0, 3.0], [3.0, 1.0], [3.0, 3.0]]  # dimensions of variance 1 that do not correlate
SWAPPED = [[1.0, 1.0], [3.0, 1.0], [1.0, 3.0], [3.0, 3.0]]
LINE = [[1.0, 1.0], [1.0, 1.0], [3.0, 3.0], [3.0, 3.0]]  # both dimensions are the first one of SQUARE


def loss(method: BarlowTwins, views: Tensor) -> tuple[Tensor, dict[str, float]]:
    """The loss of features that equal the inputs, as all affine maps are the identity and inputs are not negative."""
    params, _ = method.init(DataInfo(tuple(views.shape[2:]), 10, 2, 2), torch.Generator().manual_seed(0))
    identity = {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}
    total, values, _ = method.loss(identity, {}, {}, {"view": views})
    return total, {name: value.item() for name, value in values.items()}


def test_correlation_of_uncorrelated_features_seen_twice_is_the_identity() -> None:
    z = torch.tensor(SQUARE)
    torch.testing.assert_close(cross_correlation(z, z, epsilon=0.0), torch.eye(2))


def test_correlation_does_not_depend_on_scale_and_offset() -> None:
    z = torch.tensor(SQUARE)
    torch.testing.assert_close(cross_correlation(z, 5 * z - 7, epsilon=0.0), torch.eye(2))


def test_rows_of_the_correlation_are_dimensions_of_the_first_view() -> None:
    """Both dimensions of the second view equal the first dimension of the first view."""
    found = cross_correlation(torch.tensor(SQUARE), torch.tensor(LINE), epsilon=0.0)
    torch.testing.assert_close(found, torch.tensor([[1.0, 1.0], [0.0, 0.0]]))


@pytest.mark.parametrize(
    ("second", "invariance", "redundancy"),
    [
        (SQUARE, 0.0, 0.0),
        (SWAPPED, 2.0, 2.0),  # C = (0 1; 1 0)
        (LINE, 1.0, 1.0),  # C = (1 1; 0 0)
    ],
)
def test_the_loss_by_hand(second: list[list[float]], invariance: float, redundancy: float) -> None:
    _, values = loss(BarlowTwins(**PLAIN, redundancy_weight=0.25), torch.tensor([SQUARE, second]))
    expected = {"loss": invariance + 0.25 * redundancy, "invariance": invariance, "redundancy": redundancy}
    assert values == pytest.approx(expected, abs=1e-4)


def test_the_loss_is_that_of_lightly() -> None:
    from lightly.loss import BarlowTwinsLoss

    views = torch.rand(2, 9, 6, generator=torch.Generator().manual_seed(0))
    total, _ = loss(BarlowTwins(**{**PLAIN, "latent_dim": 6}), views)
    torch.testing.assert_close(total, BarlowTwinsLoss(lambda_param=0.005)(*views))


def test_the_projection_head_has_three_layers_with_batch_norm_after_the_first_two() -> None:
    head = BarlowTwins(network="resnet18", width=2, head_dim=8).head()
    maps = [(layer.in_features, layer.out_features) for layer in head.modules() if isinstance(layer, nn.Linear)]
    assert maps == [(16, 8), (8, 8), (8, 8)]
    kinds = [type(layer).__name__ for layer in head.children()]
    assert kinds == ["Linear", "BatchNorm", "ReLU", "Linear", "BatchNorm", "ReLU", "Linear"]


def test_batch_norm_normalizes_each_view_alone() -> None:
    """Running means move a tenth of the way twice, so the first view weighs 0.09 and the second 0.1."""
    method = BarlowTwins(network="resnet18", width=2, head_dim=3, augmentation="none")
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo((3, 8, 8), 10, 3, 4), generator)
    first, second = torch.rand(2, 4, 3, 8, 8, generator=generator)
    name = next(name for name in state if name.endswith("running_mean"))

    def running_mean(*views: Tensor) -> Tensor:
        return method.loss(params, state, {}, {"view": torch.stack(views)})[2][name]

    nothing = torch.zeros_like(first)
    torch.testing.assert_close(running_mean(first, nothing), 0.9 * running_mean(nothing, first))
    torch.testing.assert_close(
        running_mean(first, second), running_mean(first, nothing) + running_mean(nothing, second)
    )

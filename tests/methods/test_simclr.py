"""SimCLR's loss and distance enhancement, by hand and against lightly."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.data_info import DataInfo
from ablate.methods.simclr import SimCLR, mean_cosine_similarity, nt_xent

PLAIN: dict[str, Any] = {"network": "mlp", "latent_dim": 2, "augmentation": "none", "proj_head": False}
E1, E2, BETWEEN = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]


def wired(method: SimCLR) -> dict[str, Tensor]:
    """Parameters with which features equal the inputs, if these are not negative."""
    params, _ = method.init(DataInfo((2,), 10, 2, 2), torch.Generator().manual_seed(0))
    return {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}


def shown(method: SimCLR, *views: list[list[float]]) -> dict[str, float]:
    _, values, _ = method.loss(wired(method), {}, {}, {"view": torch.tensor(views)})
    return {name: value.item() for name, value in values.items()}


def test_nt_xent_of_equal_partners_by_hand() -> None:
    """At τ = ½ every view scores e² with its partner and 1 with both views of the other image."""
    expected = -math.log(math.exp(2) / (math.exp(2) + 2))
    assert nt_xent(torch.tensor([[E1, E2], [E1, E2]]), 0.5).item() == pytest.approx(expected)


def test_nt_xent_of_swapped_partners_by_hand() -> None:
    """The partner and one other view score 1, the remaining view e²."""
    expected = math.log(2 + math.exp(2))
    assert nt_xent(torch.tensor([[E1, E2], [E2, E1]]), 0.5).item() == pytest.approx(expected)


def test_the_loss_is_that_of_lightly() -> None:
    from lightly.loss import NTXentLoss

    first, second = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    z = F.normalize(torch.stack([first, second]), dim=2)
    torch.testing.assert_close(nt_xent(z, 0.3), NTXentLoss(temperature=0.3)(first, second))


def test_mean_cosine_similarity_by_hand() -> None:
    """Cosines 0.6, 0 and 0.8, each counted twice, over (3 - 1)²."""
    assert mean_cosine_similarity(torch.tensor([E1, BETWEEN, E2])).item() == pytest.approx(0.7)


def test_the_loss_does_not_depend_on_lengths_of_projections() -> None:
    """Lengths 3, 2, 10 and 5 change nothing; D is 0.6 + 0.6 in the first view and 0 in the second."""
    first, second = [[3.0, 0.0], [6.0, 8.0]], [[2.0, 0.0], [0.0, 5.0]]
    values = shown(SimCLR(**PLAIN, temperature=1.0, distance_enhancement=0.5), first, second)
    e = math.exp
    first_image = math.log(e(1) + e(0.6) + 1) - 1 + math.log(e(1) + e(0.6) + 1) - 1
    second_image = math.log(e(0.8) + e(0.6) + e(0.6)) - 0.8 + math.log(e(0.8) + 1 + 1) - 0.8
    contrast = (first_image + second_image) / 4
    assert values == pytest.approx({"loss": contrast + 0.5 * 0.6, "contrast": contrast, "distance": 0.6})


@pytest.mark.parametrize(("pairs", "expected"), [("within_view", 0.6), ("first_view", 1.2), ("all_2B", 6 / 9)])
def test_distance_averages_the_pairs_of_the_option(pairs: Any, expected: float) -> None:
    """Cosines 0.6 and 0 within views, 1 and 0.8 of partners, 0 and 0.6 across: 3 in all, twice, over 9."""
    assert shown(SimCLR(**PLAIN, de_pairs=pairs), [E1, BETWEEN], [E1, E2])["distance"] == pytest.approx(expected)


def test_a_weight_of_zero_leaves_the_distance_out_of_the_loss() -> None:
    values = shown(SimCLR(**PLAIN), [E1, BETWEEN], [E1, E2])
    assert values["loss"] == values["contrast"] > 0 < values["distance"]

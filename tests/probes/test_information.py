"""The bound on mutual information, on data whose mutual information is known."""

from math import exp, log

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.information import Ascent, Information, bound, held_out_bound, paired, standardized
from ablate.probes.probe import Embedded, Features

Values = NDArray[np.float64]
QUICK = Information(epochs=30, batch_size=128, learning_rate=2e-3, width=32)


def view_of(x: Values, y: NDArray[np.int64], targets: Values | None = None) -> Embedded:
    values = None if targets is None else targets.astype(np.float32)
    features = Features(x.astype(np.float32), y, values)
    return Embedded(features, features, features)


def test_the_bound_is_a_mean_minus_the_logarithm_of_a_mean_of_exponentials() -> None:
    # (1 + 3) / 2 − log((1 + 3) / 2)
    assert bound(torch.tensor([1.0, 3.0]), torch.tensor([0.0, log(3.0)])) == pytest.approx(2 - log(2))


def test_the_information_of_separated_classes_is_the_entropy_of_the_labels() -> None:
    generator = np.random.default_rng(0)
    y = np.arange(2000) % 4
    x = 5 * np.eye(4)[y] + generator.normal(size=(2000, 4)) / 4
    scores = QUICK.score(view_of(x, y), seed=0)
    assert scores["information"] == pytest.approx(log(4), abs=0.1)
    assert scores["fitted_information"] == pytest.approx(log(4), abs=0.1)


def test_the_information_of_independent_labels_is_zero() -> None:
    generator = np.random.default_rng(0)
    view = view_of(generator.normal(size=(4000, 4)), generator.integers(0, 4, 4000))
    assert abs(Information(epochs=10, learning_rate=1e-3).score(view, seed=0)["information"]) < 0.03


def test_the_information_of_correlated_gaussians_is_that_of_the_closed_form() -> None:
    noise, correlation = np.random.default_rng(0).normal(size=(4000, 2)), 0.9
    targets = correlation * noise[:, :1] + (1 - correlation**2) ** 0.5 * noise[:, 1:]
    view = view_of(7 * noise[:, :1] + 3, np.zeros(4000, np.int64), targets)
    probe = Information(variable="targets", epochs=40, learning_rate=2e-3, width=32)
    assert probe.score(view, seed=0)["information"] == pytest.approx(-log(1 - 0.81) / 2, abs=0.1)  # 0.830


def test_memorized_labels_raise_the_fitted_information_only() -> None:
    generator = np.random.default_rng(0)
    view = view_of(generator.normal(size=(200, 20)), generator.integers(0, 2, 200))
    scores = Information(epochs=60, batch_size=32, learning_rate=2e-3).score(view, seed=0)
    assert scores["fitted_information"] > 0.1
    assert scores["information"] < 0.1


def test_the_moving_average_is_of_the_exponentials() -> None:
    network = nn.Linear(2, 1, bias=False)  # T = w · (z, y)
    nn.init.zeros_(network.weight)
    ascent = Ascent(network, torch.optim.SGD(network.parameters(), lr=0.0), features=1, rate=0.25)
    first = ascent.averaged(torch.tensor([log(2.0), log(4.0)]))  # mean of exp: 3
    assert first.item() == pytest.approx(log(3.0))
    assert ascent.averaged(torch.tensor([log(7.0)])).item() == pytest.approx(log(0.75 * 3 + 0.25 * 7))


class Product(nn.Module):
    """T(z, y) = w z y."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        return self.weight * pairs[:, :1] * pairs[:, 1:]


def test_a_step_follows_the_gradient_of_the_bound() -> None:
    network = Product()
    ascent = Ascent(network, torch.optim.SGD(network.parameters(), lr=0.1), features=1, rate=0.01)
    swap = next(seed for seed in range(9) if torch.randperm(2, generator=torch.Generator().manual_seed(seed))[0] == 1)
    ascent.step(torch.tensor([[2.0, 1.0], [4.0, 3.0]]), torch.Generator().manual_seed(swap))
    # at w = 0 the slope is the mean of z y, (2 + 12) / 2, less that of the swapped pairs, (6 + 4) / 2
    assert network.weight.item() == pytest.approx(0.2)


def test_paired_moves_the_second_part_of_the_pairs_only() -> None:
    pairs = torch.tensor([[1.0, 2.0, 10.0], [3.0, 4.0, 20.0]])
    assert paired(pairs, torch.tensor([1, 0]), features=2).tolist() == [[1.0, 2.0, 20.0], [3.0, 4.0, 10.0]]


def test_the_held_out_bound_uses_all_products_of_few_samples() -> None:
    class Sum(nn.Module):
        def forward(self, pairs: torch.Tensor) -> torch.Tensor:
            return pairs.sum(dim=1, keepdim=True)

    pairs = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])  # z + y of others: 1, 2, 1, 3, 2, 3
    known = 2 - log((2 * exp(1) + 2 * exp(2) + 2 * exp(3)) / 6)
    assert held_out_bound(Sum(), pairs, features=1) == pytest.approx(known)


def test_values_are_standardized_by_the_selected_rows() -> None:
    values = torch.tensor([[0.0, 5.0], [2.0, 5.0], [101.0, 6.0]], dtype=torch.float64)
    assert standardized(values, torch.tensor([0, 1])).tolist() == [[-1.0, 0.0], [1.0, 0.0], [100.0, 0.0]]


def test_every_epoch_is_reported() -> None:
    shares: list[float] = []
    features = Features(np.zeros((40, 2), np.float32), np.arange(40) % 2)
    Information(epochs=4).score(Embedded(features, features, features, report_progress=shares.append), seed=0)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_without_held_out_samples_all_are_fitted_and_measured() -> None:
    """As in Ntelemis et al. 2022; labels that features do not predict are memorized."""
    generator = np.random.default_rng(0)
    view = view_of(generator.normal(size=(64, 8)), np.arange(64) % 2)
    probe = Information(held_out_fraction=0, epochs=30, batch_size=64, learning_rate=2e-2)
    scores = probe.score(view, seed=0)
    assert set(scores) == {"fitted_information"}
    assert scores["fitted_information"] > 0.1
    with pytest.raises(StudyError, match="1 samples are too few"):
        probe.check(DataInfo(probed=100, evaluation=1, classes=2))


def test_missing_targets_and_too_few_samples_are_refused() -> None:
    with pytest.raises(StudyError, match="this probe needs targets, and there are none; set variable to labels"):
        Information(variable="targets").check(DataInfo(probed=100, evaluation=100, classes=10))
    with pytest.raises(StudyError, match="7 samples are too few to fit and to measure on; use more data"):
        Information().check(DataInfo(probed=100, evaluation=7, classes=2))
    Information(variable="targets").check(DataInfo(probed=100, evaluation=100, classes=0, targets=3))

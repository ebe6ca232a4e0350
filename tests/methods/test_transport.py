"""Balanced targets and the policy that keeps their entropy where it is wanted."""

import math

import pytest
import torch
from torch import Tensor

from ablate.methods.invariant import Invariant, entropy, moved, sinkhorn, wanted_entropy

KERNEL = torch.tensor([[1.0, 1.0], [3.0, 1.0], [3.0, 1.0]])  # exp(O / λ)


def logits(rows: int = 24, columns: int = 6, seed: int = 0, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_one_round_on_three_rows_by_hand() -> None:
    """u ∝ (1/2, 1/4, 1/4), so the columns hold 2 and 1 and v ∝ (1/2, 1); rows (1/2, 1) and (3/2, 1) are normalized."""
    expected = torch.tensor([[1 / 3, 2 / 3], [3 / 5, 2 / 5], [3 / 5, 2 / 5]])
    torch.testing.assert_close(sinkhorn(KERNEL.log(), 1.0, iterations=1), expected)


def test_two_rounds_on_three_rows_by_hand() -> None:
    """u ∝ (2/3, 2/5, 2/5), so the columns hold 46/15 and 22/15 and v ∝ (11, 23)."""
    expected = torch.tensor([[11 / 34, 23 / 34], [33 / 56, 23 / 56], [33 / 56, 23 / 56]])
    torch.testing.assert_close(sinkhorn(KERNEL.log(), 1.0, iterations=2), expected)


def test_smoothness_divides_the_logits() -> None:
    torch.testing.assert_close(sinkhorn(0.3 * KERNEL.log(), 0.3, 2), sinkhorn(KERNEL.log(), 1.0, 2))


@pytest.mark.parametrize("smoothness", [0.2, 1.0])
def test_a_factor_per_row_of_the_kernel_changes_nothing(smoothness: float) -> None:
    """exp(O / λ), softmax(O / λ) and P^(1 / λ) with P = softmax(O) make the same targets."""
    o = logits()
    targets = sinkhorn(o, smoothness, 10)
    torch.testing.assert_close(sinkhorn(smoothness * (o / smoothness).log_softmax(1), smoothness, 10), targets)
    torch.testing.assert_close(sinkhorn(o.log_softmax(1), smoothness, 10), targets)
    torch.testing.assert_close(sinkhorn(o + torch.linspace(-9, 9, 24)[:, None], smoothness, 10), targets)


def test_rows_sum_to_one_and_columns_nearly_to_m_over_k() -> None:
    few, many = sinkhorn(logits(), 0.5, 10), sinkhorn(logits(), 0.5, 100)
    torch.testing.assert_close(few.sum(1), torch.ones(24))
    torch.testing.assert_close(many.sum(1), torch.ones(24))
    far, near = (few.sum(0) - 4).abs().max(), (many.sum(0) - 4).abs().max()
    assert near < far < 0.4
    assert near < 0.01


def test_entropy_grows_with_smoothness() -> None:
    entropies = [entropy(sinkhorn(logits(), tenths / 10, 10)).item() for tenths in range(1, 21)]
    assert entropies == sorted(entropies)


@pytest.mark.parametrize(("scale", "smoothness"), [(1.0, 0.1), (10.0, 0.1), (100.0, 0.1), (100.0, 1.0)])
def test_no_kernel_is_too_sharp_for_single_precision(scale: float, smoothness: float) -> None:
    """Rounds of logarithms in double precision are the measure."""
    o = logits(64, 20, scale=scale)
    scores = o.double() / smoothness
    v = torch.zeros(20, dtype=torch.float64)
    for _ in range(10):
        u = -torch.logsumexp(scores + v, 1)
        v = -torch.logsumexp(scores + u[:, None], 0)
    expected = (scores + v).softmax(1).float()
    torch.testing.assert_close(sinkhorn(o, smoothness, 10), expected, rtol=1e-3, atol=1e-4)


def test_entropy_by_hand() -> None:
    """A certain row has 0 nats, an even one of four log 4."""
    rows = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    assert entropy(rows).item() == pytest.approx(math.log(4) / 2)


@pytest.mark.parametrize(
    ("before", "excess", "after"),
    [
        (0.5, 0.006, 0.4),
        (0.5, -0.006, 0.6),
        (0.5, 0.004, 0.5),
        (0.5, -0.004, 0.5),
        (0.1, 1.0, 0.1),
        (1.0, -1.0, 1.0),
        (1.0, 1.0, 0.9),
    ],
)
def test_smoothness_moves_a_tenth_against_the_excess_within_its_limits(
    before: float, excess: float, after: float
) -> None:
    assert moved(torch.tensor(before), torch.tensor(excess), 0.005).item() == pytest.approx(after)


def test_smoothness_stays_on_the_grid() -> None:
    smoothness = torch.tensor(1.0)
    for expected in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1):
        smoothness = moved(smoothness, torch.tensor(1.0), 0.005)
        assert smoothness.item() == torch.tensor(expected).item()


def test_the_wanted_entropy_falls_from_log_k_to_half_of_it() -> None:
    """Half way through the warm-up the cosine's weight is 1/2: three quarters of log k."""
    for warmed, share in ((0.0, 1.0), (0.5, 0.75), (1.0, 0.5), (7.0, 0.5)):
        assert wanted_entropy(100, torch.tensor(warmed)).item() == pytest.approx(share * math.log(100))


def entropy_at(smoothness: float) -> Tensor:
    return entropy(sinkhorn(logits(), smoothness, 10))


def settle(start: float, wanted: Tensor) -> float:
    targets, smoothness = Invariant().target(logits(), torch.tensor(start), wanted)
    torch.testing.assert_close(targets, sinkhorn(logits(), smoothness, 10))
    return round(smoothness.item(), 6)


def test_the_policy_walks_to_the_wanted_entropy_and_rests_there() -> None:
    assert settle(0.6, entropy_at(0.4)) == 0.4
    assert settle(0.2, entropy_at(0.4)) == 0.4
    assert settle(0.4, entropy_at(0.4)) == 0.4


def test_the_policy_stops_after_five_moves() -> None:
    assert settle(1.0, entropy_at(0.2)) == 0.5


def test_the_policy_alternates_where_two_levels_straddle_the_wanted_entropy() -> None:
    """From 0.5: up, down, up, down, up; from 0.6 the other way round."""
    between = (entropy_at(0.5) + entropy_at(0.6)) / 2
    assert entropy_at(0.5) < between - 0.005 < between + 0.005 < entropy_at(0.6)
    assert settle(0.5, between) == 0.6
    assert settle(0.6, between) == 0.5


def test_a_constant_smoothness_does_not_move() -> None:
    _, smoothness = Invariant(smoothness=0.7).target(logits(), torch.tensor(0.7), entropy_at(0.2))
    assert smoothness.item() == pytest.approx(0.7)

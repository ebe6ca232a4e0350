"""Balanced targets of the method `invariant`, and the adaptive λ that controls their entropy."""

import math

import pytest
import torch
from torch import Tensor

from ablate.methods.invariant import Invariant, entropy, sinkhorn, updated_lambda, wanted_entropy

KERNEL = torch.tensor([[1.0, 1.0], [3.0, 1.0], [3.0, 1.0]])  # exp(O / λ)


def logits(rows: int = 24, columns: int = 6, seed: int = 0, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_one_iteration_on_three_rows_by_hand() -> None:
    """u ∝ (1/2, 1/4, 1/4), so the columns hold 2 and 1 and v ∝ (1/2, 1); rows (1/2, 1) and (3/2, 1) are normalized."""
    expected = torch.tensor([[1 / 3, 2 / 3], [3 / 5, 2 / 5], [3 / 5, 2 / 5]])
    torch.testing.assert_close(sinkhorn(KERNEL.log(), 1.0, iterations=1), expected)


def test_two_iterations_on_three_rows_by_hand() -> None:
    """u ∝ (2/3, 2/5, 2/5), so the columns hold 46/15 and 22/15 and v ∝ (11, 23)."""
    expected = torch.tensor([[11 / 34, 23 / 34], [33 / 56, 23 / 56], [33 / 56, 23 / 56]])
    torch.testing.assert_close(sinkhorn(KERNEL.log(), 1.0, iterations=2), expected)


def test_lambda_divides_the_logits() -> None:
    torch.testing.assert_close(sinkhorn(0.3 * KERNEL.log(), 0.3, 2), sinkhorn(KERNEL.log(), 1.0, 2))


@pytest.mark.parametrize("λ", [0.2, 1.0])
def test_targets_do_not_depend_on_a_factor_per_row_of_the_kernel(λ: float) -> None:
    """exp(O / λ), softmax(O / λ) and P^(1 / λ) with P = softmax(O) make the same targets."""
    o = logits()
    targets = sinkhorn(o, λ, 10)
    torch.testing.assert_close(sinkhorn(λ * (o / λ).log_softmax(1), λ, 10), targets)
    torch.testing.assert_close(sinkhorn(o.log_softmax(1), λ, 10), targets)
    torch.testing.assert_close(sinkhorn(o + torch.linspace(-9, 9, 24)[:, None], λ, 10), targets)


def test_rows_sum_to_one_and_columns_nearly_to_m_over_k() -> None:
    few, many = sinkhorn(logits(), 0.5, 10), sinkhorn(logits(), 0.5, 100)
    torch.testing.assert_close(few.sum(1), torch.ones(24))
    torch.testing.assert_close(many.sum(1), torch.ones(24))
    far, near = (few.sum(0) - 4).abs().max(), (many.sum(0) - 4).abs().max()
    assert near < far < 0.4
    assert near < 0.01


def test_entropy_grows_with_lambda() -> None:
    entropies = [entropy(sinkhorn(logits(), tenths / 10, 10)).item() for tenths in range(1, 21)]
    assert entropies == sorted(entropies)


@pytest.mark.parametrize(("scale", "λ"), [(1.0, 0.1), (10.0, 0.1), (100.0, 0.1), (100.0, 1.0)])
def test_targets_of_small_lambda_are_accurate_in_single_precision(scale: float, λ: float) -> None:
    """Compared with iterations in logarithms, in double precision."""
    o = logits(64, 20, scale=scale)
    scores = o.double() / λ
    v = torch.zeros(20, dtype=torch.float64)
    for _ in range(10):
        u = -torch.logsumexp(scores + v, 1)
        v = -torch.logsumexp(scores + u[:, None], 0)
    expected = (scores + v).softmax(1).float()
    torch.testing.assert_close(sinkhorn(o, λ, 10), expected, rtol=1e-3, atol=1e-4)


def test_entropy_by_hand() -> None:
    """A one-hot row has 0 nats, a uniform one of four entries log 4."""
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
def test_lambda_changes_by_a_tenth_against_the_excess_within_its_limits(
    before: float, excess: float, after: float
) -> None:
    assert updated_lambda(torch.tensor(before), torch.tensor(excess), 0.005).item() == pytest.approx(after)


def test_lambda_stays_on_the_grid() -> None:
    λ = torch.tensor(1.0)
    for expected in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1):
        λ = updated_lambda(λ, torch.tensor(1.0), 0.005)
        assert λ.item() == torch.tensor(expected).item()


def test_the_wanted_entropy_falls_from_log_k_to_half_of_it() -> None:
    """Half way through the warm-up the cosine's weight is 1/2: three quarters of log k."""
    for warmed, share in ((0.0, 1.0), (0.5, 0.75), (1.0, 0.5), (7.0, 0.5)):
        assert wanted_entropy(100, torch.tensor(warmed)).item() == pytest.approx(share * math.log(100))


def entropy_at(λ: float) -> Tensor:
    return entropy(sinkhorn(logits(), λ, 10))


def adapted(start: float, wanted: Tensor) -> float:
    targets, λ = Invariant().target(logits(), torch.tensor(start), wanted)
    torch.testing.assert_close(targets, sinkhorn(logits(), λ, 10))
    return round(λ.item(), 6)


def test_lambda_adapts_until_the_entropy_is_the_wanted_one() -> None:
    assert adapted(0.6, entropy_at(0.4)) == 0.4
    assert adapted(0.2, entropy_at(0.4)) == 0.4
    assert adapted(0.4, entropy_at(0.4)) == 0.4


def test_lambda_changes_at_most_five_times_per_target() -> None:
    assert adapted(1.0, entropy_at(0.2)) == 0.5


def test_lambda_alternates_between_two_values_around_the_wanted_entropy() -> None:
    """From 0.5: up, down, up, down, up; from 0.6 the other way round."""
    between = (entropy_at(0.5) + entropy_at(0.6)) / 2
    assert entropy_at(0.5) < between - 0.005 < between + 0.005 < entropy_at(0.6)
    assert adapted(0.5, between) == 0.6
    assert adapted(0.6, between) == 0.5


def test_a_constant_lambda_does_not_change() -> None:
    _, λ = Invariant(sinkhorn_lambda=0.7).target(logits(), torch.tensor(0.7), entropy_at(0.2))
    assert λ.item() == pytest.approx(0.7)

"""Comparisons while seeds are added: boundaries, repeated intervals, and the error rates that simulations give."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ablate.stats.boundaries import back_transformed, boundaries_of, looks_of, moments, transformed
from ablate.stats.conclusion import Conclusion
from ablate.stats.sequential import Looks, repeated_interval, take_looks
from ablate.stats.sequential_power import power_of, power_sentence
from ablate.stats.skewness import skewness_of
from ablate.study.seeds import least_deciding

Array = NDArray[np.float64]
Draw = Callable[[tuple[int, ...]], Array]
ROWS = 60_000
RNG = np.random.default_rng(20)


def gamma(shape: tuple[int, ...]) -> Array:
    """Skewness 1, mean 0."""
    return RNG.gamma(4, 1, shape) - 4


DIFFERENCES: dict[str, Draw] = {
    "normal": RNG.standard_normal,
    "skewed (exponential)": lambda shape: RNG.standard_exponential(shape) - 1,
    "skewed (gamma)": gamma,
    "heavy-tailed": lambda shape: RNG.laplace(size=shape),
    "bounded": lambda shape: RNG.uniform(-1, 1, shape),
    "long-tailed (log-normal)": lambda shape: RNG.lognormal(0, 1, shape) - math.exp(0.5),
    "long-tailed, to the other side": lambda shape: math.exp(0.5) - RNG.lognormal(0, 1, shape),
    "log-normal of half the spread": lambda shape: RNG.lognormal(0, 0.5, shape) - math.exp(0.125),
}


def decided(values: Array, looks: Looks) -> tuple[Array, Array]:
    """Whether each row of differences (N, seeds) crosses a boundary, and the seeds at which it stops."""
    sums = np.stack([power.cumsum(1) for power in (values, values * values, values * values * values)])
    crossed = np.zeros(len(values), bool)
    seeds = np.full(len(values), looks.at_most)
    for n, boundary in zip(looks.seeds, looks.boundaries, strict=True):
        now = (np.abs(transformed(*moments(sums[:, :, n - 1], n), n)) > boundary) & ~crossed
        seeds[now] = n
        crossed |= now
    return crossed, seeds


@pytest.mark.parametrize(("at_most", "comparisons"), [(8, 1), (20, 1), (20, 5)])
def test_a_study_without_differences_has_a_false_decision_in_at_most_5_percent(at_most: int, comparisons: int) -> None:
    """Without a tolerance: boundaries spend 0.95 of the level, which covers one standard error (0.09 to 0.2 %)."""
    looks = Looks(3, at_most, comparisons)
    for name, draw in DIFFERENCES.items():
        crossed, _ = decided(draw((ROWS, at_most)), looks)
        wrong = crossed.reshape(-1, comparisons).any(1).mean()
        print(f"{comparisons} comparisons, up to {at_most} seeds, {name}: {wrong:.4f} false decisions")
        assert wrong <= 0.05, name
    shown = {size: decided(RNG.standard_normal((ROWS // 10, at_most)) + size, looks) for size in (0.5, 1, 2, 3)}
    for size, (found, seeds) in shown.items():
        print(f"  power at {size} standard deviations: {found.mean():.3f}, {seeds.mean():.1f} seeds on average")
        told = power_of(looks, size)
        assert told.found == pytest.approx(found.mean(), abs=0.02)  # 2.5 standard errors of 6,000 comparisons
        assert told.seeds == pytest.approx(seeds.mean(), abs=0.2)
    if at_most == 20:
        assert shown[1][0].mean() > (0.9 if comparisons == 1 else 0.5)
        assert shown[2][0].mean() > 0.97
        assert shown[3][1].mean() < 14


@pytest.mark.parametrize(("at_most", "comparisons", "share"), [(20, 1, 0.40), (12, 3, 0.79)])
def test_where_one_seed_in_ten_makes_up_for_the_others_a_difference_is_found_as_often_as_reports_say(
    at_most: int, comparisons: int, share: float
) -> None:
    rows = 9_000
    values = (RNG.random((rows, at_most)) < 0.1) - 0.1 + 0.02 * RNG.standard_normal((rows, at_most))
    crossed, _ = decided(values, Looks(3, at_most, comparisons))
    assert crossed.reshape(-1, comparisons).any(1).mean() == pytest.approx(share, abs=0.03)


def test_the_power_is_told_in_a_sentence_unless_nothing_can_be_decided() -> None:
    one, two = (power_of(Looks(3, 20, 1), size) for size in (1.0, 2.0))
    assert power_sentence(Looks(3, 20, 1)) == (
        f"a difference of 1 standard deviation is found in {100 * one.found:.0f} % of comparisons, after "
        f"{one.seeds:.0f} seeds on average, and one of 2 standard deviations is found in {100 * two.found:.0f} % of "
        f"comparisons, after {two.seeds:.0f} seeds on average (simulated for normal differences over seeds)"
    )
    assert power_sentence(Looks(3, 5, 1)) == ""


def test_a_difference_of_the_margins_size_is_called_smaller_in_at_most_5_percent() -> None:
    looks = Looks(3, 8, 1, margin=1.0)
    for name in ("normal", "skewed (exponential)", "long-tailed (log-normal)"):
        values = DIFFERENCES[name]((600, 8)) / 2 + 1.0
        found = [take_looks(dict(enumerate(row)), dict.fromkeys(range(8), 0.0), looks).conclusion for row in values]
        assert found.count(Conclusion.EQUIVALENT) / len(found) <= 0.05, name


def test_looks_of_single_comparisons_decide_as_the_simulated_ones() -> None:
    looks = Looks(3, 20, 1)
    values = RNG.standard_normal((200, 20)) + 0.8
    crossed, seeds = decided(values, looks)
    for row, shown, count in zip(values, crossed, seeds, strict=True):
        result = take_looks(dict(enumerate(row)), dict.fromkeys(range(20), 0.0), looks)
        assert (result.conclusion is Conclusion.HIGHER or result.conclusion is Conclusion.LOWER) == shown
        assert result.wanted == count


def test_looks_are_at_a_quarter_more_seeds_each() -> None:
    assert looks_of(3, 20) == (3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 20)
    assert looks_of(5, 5) == (5,)


def test_differences_of_one_sign_decide_from_six_seeds_on_for_one_comparison() -> None:
    assert [least_deciding(0.05 / n) for n in (1, 2, 3, 10)] == [6, 7, 7, 9]  # 2 / 2⁶ = 0.031, 2 / 2⁹ = 0.0039
    assert Looks(3, 20, 1).deciding[0] >= 6
    assert Looks(3, 20, 10).deciding[0] >= 9
    assert boundaries_of(3, 5, 0.05) == (math.inf,) * 3


def test_boundaries_fall_from_look_to_look_and_rise_with_the_number_of_comparisons() -> None:
    one, five = (Looks(3, 20, count).boundaries for count in (1, 5))
    finite = [boundary for boundary in one if boundary < math.inf]
    assert finite == sorted(finite, reverse=True)
    assert all(wide > narrow for narrow, wide in zip(one, five, strict=True) if narrow < math.inf)
    assert one[-1] > stats.norm.ppf(0.975)


def test_halls_transformation_is_that_of_his_paper_and_has_an_inverse() -> None:
    t, g, n = np.linspace(-6, 6, 13), 0.7, 9
    expected = t + g / math.sqrt(n) * (t**2 / 3 + 1 / 6) + g**2 * t**3 / (27 * n)
    np.testing.assert_allclose(transformed(t, np.array(g), n), expected)
    for value, image in zip(t, expected, strict=True):
        assert back_transformed(float(image), g, n) == pytest.approx(value)
    assert back_transformed(2.5, 0.0, n) == 2.5


def test_the_interval_holds_the_means_that_the_boundary_does_not_reject() -> None:
    values = [0.2, 0.5, 0.1, 0.9, 0.3, 0.4, 0.2]
    estimate = repeated_interval(values, 2.5)
    assert estimate.low is not None
    assert estimate.high is not None
    assert skewness_of(values) == pytest.approx(float(stats.skew(values)))
    for end in (estimate.low, estimate.high):
        t = stats.ttest_1samp(values, end).statistic
        assert abs(transformed(t, np.array(skewness_of(values)), 7)) == pytest.approx(2.5)
    assert estimate.high - 0.3714 > 0.3714 - estimate.low  # the long tail is above the mean


def test_a_look_waits_for_both_variants_and_names_the_seeds_that_it_needs() -> None:
    looks = Looks(3, 20, 1)
    first = looks.deciding[0]
    scores = {seed: 0.8 + 0.01 * seed for seed in range(12)}
    baseline = {seed: 0.3 + 0.0101 * seed for seed in range(12)}
    nothing = take_looks({}, {}, looks)
    assert (nothing.look, nothing.wanted, nothing.conclusion, nothing.open) == (0, first, Conclusion.UNDECIDED, True)
    part = take_looks(scores, {seed: baseline[seed] for seed in range(first - 1)}, looks)
    assert (part.look, part.wanted) == (0, first)
    whole = take_looks(scores, baseline, looks)
    assert (whole.look, whole.wanted, whole.conclusion, whole.open) == (1, first, Conclusion.HIGHER, False)
    assert whole.estimate.n == first


def test_failed_seeds_are_missing_and_the_boundary_is_that_of_fewer_seeds() -> None:
    looks = Looks(3, 20, 1)
    noise = [0.1, -0.2, 0.15, 0.0, -0.1, 0.22, -0.05, 0.12, -0.18, 0.03]
    scores: dict[int, float | None] = {seed: 0.1 + value for seed, value in enumerate(noise)}
    scores[4] = None
    result = take_looks(scores, dict.fromkeys(range(10), 0.0), looks)
    at = partial(dict(zip(looks.seeds, looks.boundaries, strict=True)).get)
    assert (result.estimate.n, result.boundary) == (9, at(8))
    assert result.wanted == 12


def test_equal_differences_decide_at_once_and_zeros_only_with_a_margin() -> None:
    same = dict.fromkeys(range(20), 0.5)
    higher = dict.fromkeys(range(20), 0.75)
    assert take_looks(higher, same, Looks(3, 20, 1)).look == 1
    undecided = take_looks(same, same, Looks(3, 20, 1))
    assert (undecided.conclusion, undecided.wanted, undecided.open) == (Conclusion.UNDECIDED, 20, False)
    assert take_looks(same, same, Looks(3, 20, 1, margin=0.01)).conclusion is Conclusion.EQUIVALENT

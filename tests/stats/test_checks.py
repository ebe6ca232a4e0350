"""Findings as statements: made scores that agree, disagree or stay undecided, for every kind of check."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from ablate.options import Value
from ablate.papers.reference import ablations
from ablate.reporting.limits import UNSEEN_SKEWNESS
from ablate.stats.checks import CHECKS, LevelMissing, check_from, uncorrelated
from ablate.stats.scores import Scores
from ablate.stats.statements import Holds, Statement, Verdict

SEEDS = 6


def scores(means: Mapping[Value, float], spread: float = 0.002, seeds: int = SEEDS) -> Scores:
    """Scores with these means over seeds, up to noise of this standard deviation."""
    generator = np.random.default_rng(0)
    return {level: dict(enumerate(generator.normal(mean, spread, seeds).tolist())) for level, mean in means.items()}


def verdict(content: Mapping[str, Any], measured: Scores, better: int = 1) -> Verdict:
    return Verdict(tuple(check_from(content).statements(measured, better)))


FLAT = {"type": "flat", "tolerance": 0.03}
RISING = {"type": "monotone", "direction": "increasing", "slack": 0.01}
BEST = {"type": "best_at", "value": 2, "slack": 0.005}
WORST = {"type": "worst_at", "value": 2, "slack": 0.005}
ORDER = {"type": "order", "order": ["a", "b", "c"], "slack": 0.005}
GAP = {"type": "gap", "better": "a", "worse": "b", "min_gap": 0.05, "max_gap": 0.2}
THEN_DROP = {
    "type": "plateau_then_drop",
    "plateau_max": 1,
    "plateau_tolerance": 0.02,
    "drop_from": 10,
    "min_drop": 0.05,
}
THEN_PLATEAU = {"type": "drop_then_plateau", "plateau_min": 15, "plateau_tolerance": 0.03, "min_drop": 0.05}

CASES: list[tuple[dict[str, Any], dict[Value, float], dict[Value, float]]] = [  # check, means that agree, that do not
    (FLAT, {1: 0.80, 2: 0.81, 3: 0.80}, {1: 0.80, 2: 0.81, 3: 0.90}),
    (RISING, {1: 0.70, 2: 0.75, 3: 0.80}, {1: 0.70, 2: 0.80, 3: 0.75}),
    (BEST, {1: 0.70, 2: 0.80, 3: 0.75}, {1: 0.85, 2: 0.80, 3: 0.75}),
    (WORST, {1: 0.80, 2: 0.70, 3: 0.75}, {1: 0.60, 2: 0.70, 3: 0.75}),
    (ORDER, {"a": 0.9, "b": 0.8, "c": 0.7}, {"a": 0.9, "b": 0.7, "c": 0.8}),
    (GAP, {"a": 0.9, "b": 0.8}, {"a": 0.82, "b": 0.8}),
    (GAP, {"a": 0.9, "b": 0.8}, {"a": 0.9, "b": 0.5}),
    (THEN_DROP, {0.1: 0.8, 1: 0.8, 10: 0.7}, {0.1: 0.8, 1: 0.8, 10: 0.79}),
    (THEN_PLATEAU, {10: 0.6, 15: 0.8, 20: 0.8}, {10: 0.8, 15: 0.8, 20: 0.8}),
]


@pytest.mark.parametrize(
    ("content", "true", "false"), CASES, ids=[f"{case[0]['type']}-{i}" for i, case in enumerate(CASES)]
)
def test_each_kind_of_check_agrees_disagrees_and_stays_undecided(
    content: dict[str, Any], true: dict[Value, float], false: dict[Value, float]
) -> None:
    assert verdict(content, scores(true)).holds is Holds.AGREES
    assert verdict(content, scores(false)).holds is Holds.DISAGREES
    noisy = verdict(content, scores(true, spread=0.3, seeds=3))
    assert noisy.holds is Holds.UNDECIDED
    assert noisy.seeds_needed is None or noisy.seeds_needed > 3


def test_every_kind_of_check_is_tested() -> None:
    assert {case[0]["type"] for case in CASES} == set(CHECKS)


def test_lower_is_better_where_the_metric_says_so() -> None:
    assert verdict(BEST, scores({1: 0.3, 2: 0.1, 3: 0.2}), better=-1).holds is Holds.AGREES
    assert verdict(BEST, scores({1: 0.3, 2: 0.1, 3: 0.2}), better=1).holds is Holds.DISAGREES


def test_the_correlation_of_two_metrics_is_that_of_the_ranks_of_each_seed() -> None:
    first = scores({1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4})
    (most, least) = uncorrelated(first, scores({1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}), 0.7)
    assert most.values == pytest.approx([1.0] * SEEDS)
    assert Verdict((most, least)).holds is Holds.DISAGREES
    apart = tuple(uncorrelated(first, scores({1: 2.0, 2: 4.0, 3: 1.0, 4: 3.0}), 0.7))  # ρ = 0
    assert Verdict(apart).holds is Holds.AGREES


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_at_the_border_correlations_of_five_levels_are_falsely_judged_at_most_5_per_cent_of_the_time(
    seeds: int,
) -> None:
    """The mean correlation of ranks is 0.7: with r = 0.811 it is 1 / π · (arcsin r + 3 arcsin (r / 2)) (Moran 1948)."""
    generator, runs, r = np.random.default_rng(seeds), 600, 0.8112
    assert (np.arcsin(r) + 3 * np.arcsin(r / 2)) / np.pi == pytest.approx(0.7, abs=1e-4)
    agrees = disagrees = 0
    for _ in range(runs):
        first = generator.standard_normal((5, seeds))
        second = r * first + (1 - r * r) ** 0.5 * generator.standard_normal((5, seeds))
        one, other = ({level: dict(enumerate(row)) for level, row in enumerate(side)} for side in (first, second))
        found = Verdict(tuple(uncorrelated(one, other, 0.7))).holds
        agrees += found is Holds.AGREES
        disagrees += found is Holds.DISAGREES
    assert agrees / runs <= 0.05
    assert disagrees / runs <= 0.05


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_equal_ranks_of_two_metrics_refute_that_they_are_uncorrelated_also_with_three_seeds(seeds: int) -> None:
    rising = scores({level: level / 10 for level in range(5)}, seeds=seeds)
    assert Verdict(tuple(uncorrelated(rising, rising, 0.7))).holds is Holds.DISAGREES
    falling = {level: {seed: -value for seed, value in column.items()} for level, column in rising.items()}
    assert Verdict(tuple(uncorrelated(rising, falling, 0.7))).holds is Holds.DISAGREES


def test_two_noisy_metrics_leave_open_whether_they_are_correlated() -> None:
    first, second = (scores(dict.fromkeys(range(4), 0.5), seeds=3), scores({0: 0.1, 1: 0.2, 2: 0.1, 3: 0.2}, 0.2, 3))
    assert Verdict(tuple(uncorrelated(first, second, 0.7))).holds is Holds.UNDECIDED


def test_a_level_that_was_not_measured_is_named() -> None:
    with pytest.raises(LevelMissing, match="c"):
        verdict(ORDER, scores({"a": 0.9, "b": 0.8}))


def test_equal_scores_decide_nothing_that_is_exactly_at_the_bound() -> None:
    statement = Statement("", (0.0, 0.0, 0.0), 0.0)
    assert Verdict((statement,)).holds is Holds.UNDECIDED


def test_two_seeds_decide_nothing() -> None:
    assert Verdict((Statement("", (0.5, 0.5), 0.0),)).holds is Holds.UNDECIDED


def test_without_seeds_nothing_is_decided() -> None:
    assert Verdict((Statement("", (), 0.0),)).holds is Holds.UNDECIDED
    assert Verdict(()).holds is Holds.UNDECIDED


def test_the_seeds_that_would_decide_are_those_of_the_hardest_statement() -> None:
    verdict_ = Verdict((Statement("", (0.1, 0.2, 0.3), 0.0), Statement("", (0.1, 0.5, -0.3), 0.0)))
    assert verdict_.holds is Holds.UNDECIDED
    assert verdict_.seeds_needed == 101  # mean 0.1, deviation 0.4, one-sided: n = 100.3


def test_a_statement_that_equal_values_support_is_not_open() -> None:
    supported, undecided = Statement("", (0.5, 0.5, 0.5), 0.0), Statement("", (0.1, 0.5, -0.3), 0.0)
    assert supported.p_supported == 0.0
    assert Verdict((supported, undecided)).open == (undecided,)


def leaves(check: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if check is None:
        return []
    if check["type"] == "all_of":
        return [leaf for part in check["checks"] for leaf in leaves(part)]
    return leaves(check.get("proxy")) if check["type"] == "qualitative" else [check]


def test_every_check_of_the_papers_can_be_read() -> None:
    found = [leaf for ablation in ablations() for leaf in leaves(ablation.check)]
    assert len(found) > 60
    for leaf in found:
        assert leaf["type"] == "uncorrelated" or check_from(leaf)


def test_the_statements_of_every_finding_are_counted_on_the_papers_levels() -> None:
    for ablation in ablations():
        for leaf in leaves(ablation.check):
            if leaf["type"] != "uncorrelated":
                assert check_from(leaf).count(ablation.values) > 0
                assert len(check_from(leaf).levels(ablation.values)) > 1


BORDERS: list[tuple[dict[str, Any], dict[Value, float]]] = [  # check, means of which one statement is at its bound
    (FLAT, {1: 0.50, 2: 0.53}),
    (RISING, {1: 0.50, 2: 0.49, 3: 0.60}),
    (BEST, {1: 0.505, 2: 0.50, 3: 0.40}),
    (WORST, {1: 0.495, 2: 0.50, 3: 0.60}),
    (ORDER, {"a": 0.60, "b": 0.50, "c": 0.505}),
    (GAP, {"a": 0.55, "b": 0.50}),
    (THEN_DROP, {0.1: 0.8, 1: 0.8, 10: 0.75}),
    (THEN_PLATEAU, {10: 0.75, 15: 0.8, 20: 0.8}),
]
NOISE: dict[str, Callable[[np.random.Generator, int], Any]] = {  # with mean 0
    "normal": lambda generator, n: generator.standard_normal(n),
    "heavy-tailed": lambda generator, n: generator.laplace(size=n),
    "skewed": lambda generator, n: generator.standard_exponential(n) - 1,
    "long-tailed": lambda generator, n: generator.lognormal(size=n) - np.exp(0.5),
}


def false_shares(made: Callable[[], Verdict], runs: int) -> tuple[float, float]:
    """The shares of verdicts at a border that agree, wrong if a mean is a hair below it, and that disagree."""
    found = [made().holds for _ in range(runs)]
    return found.count(Holds.AGREES) / runs, found.count(Holds.DISAGREES) / runs


def most(share: float, runs: int) -> float:
    """Three standard errors above a share."""
    return float(share + 3 * (share * (1 - share) / runs) ** 0.5)


def test_every_kind_of_check_is_tested_at_its_border() -> None:
    assert {content["type"] for content, _ in BORDERS} == set(CHECKS)


@pytest.mark.parametrize("seeds", [3, 10])
@pytest.mark.parametrize("noise", list(NOISE))
@pytest.mark.parametrize(("content", "means"), BORDERS, ids=[content["type"] for content, _ in BORDERS])
def test_at_its_border_each_kind_is_falsely_judged_at_most_5_per_cent_of_the_time_where_levels_vary_alike(
    content: dict[str, Any], means: dict[Value, float], noise: str, seeds: int
) -> None:
    """A difference of two levels is then symmetric; one from the mean of a plateau is skewed as its levels are."""
    generator, runs = np.random.default_rng(seeds), 500

    def made() -> Verdict:
        drawn = {level: mean + 0.002 * NOISE[noise](generator, seeds) for level, mean in means.items()}
        return verdict(content, {level: dict(enumerate(column.tolist())) for level, column in drawn.items()})

    skewed_plateau = "plateau" in content["type"] and noise in ("skewed", "long-tailed")
    agrees, disagrees = false_shares(made, runs)
    assert agrees <= most(0.09 if skewed_plateau else 0.05, runs)
    assert disagrees <= most(0.05, runs)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("seeds", [3, 4, 5])
def test_a_skewed_statement_at_its_bound_is_falsely_judged_as_often_as_reports_say(seeds: int, side: int) -> None:
    generator, runs = np.random.default_rng(seeds), 4_000
    shares = false_shares(
        lambda: Verdict((Statement("", tuple((side * NOISE["skewed"](generator, seeds)).tolist()), 0.0),)), runs
    )
    assert 0.1 < max(shares) <= most(0.17, runs)
    assert "in up to 17 % of studies instead of 5 %" in UNSEEN_SKEWNESS


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_at_the_border_of_a_statement_verdicts_are_false_at_most_5_per_cent_of_the_time(seeds: int) -> None:
    generator = np.random.default_rng(100 + seeds)
    agrees = disagrees = 0
    runs = 2_000
    for _ in range(runs):
        border = generator.normal([0.0, 0.05, 0.05], 0.02, (seeds, 3))  # the first mean lies on the bound
        found = Verdict(tuple(Statement("", tuple(column), 0.0) for column in border.T)).holds
        agrees += found is Holds.AGREES  # wrong if the mean is a hair below the bound
        disagrees += found is Holds.DISAGREES  # wrong if it is a hair above
    limit = 0.05 + 2.6 * (0.05 * 0.95 / runs) ** 0.5  # the 99 % bound of a share of 5 %
    assert agrees / runs <= limit
    assert disagrees / runs <= limit

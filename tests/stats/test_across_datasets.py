"""Differences and ranks over several data sets, by hand and against autorank and statsmodels."""

import warnings

import numpy as np
import pandas as pd
import pytest

from ablate.stats.across_datasets import DifferenceOverDatasets, Ranking, ranking_of
from ablate.stats.variants import Variant
from ablate.trial import Config

DATASETS = ("a", "b", "c", "d", "e", "f")


def variant(dataset: str, k: int, *scores: float) -> Variant:
    config = Config("invariant", "1", {"k": k}, dataset, "1", {}, 0)
    return Variant(DATASETS.index(dataset), config, {"method.k": k}, k == 0, dict(enumerate(scores)), {}, ())


def variants(table: np.ndarray) -> list[Variant]:
    """Of means (data sets, variants), with one seed each."""
    return [variant(DATASETS[row], k, table[row, k]) for row in range(len(table)) for k in range(table.shape[1])]


def test_the_interval_over_data_sets_is_that_of_their_means() -> None:
    found = DifferenceOverDatasets("k=1", {"a": (0.0, 0.2), "b": (0.2, 0.4), "c": (0.4, 0.6)})
    # means 0.1, 0.3, 0.5: standard deviation 0.2, half 4.302653 · 0.2 / √3
    assert found.estimate.mean == pytest.approx(0.3)
    assert found.estimate.half == pytest.approx(0.496828, abs=1e-6)
    # seeds explain 0.02 / 2 of the variance 0.04 of the means
    assert found.between == pytest.approx(0.75)


def test_the_variance_between_data_sets_is_that_of_a_one_way_analysis_of_variance() -> None:
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    rng = np.random.default_rng(4)
    table = rng.normal(size=(6, 1)) + 0.5 * rng.normal(size=(6, 5))
    found = DifferenceOverDatasets("k=1", {name: tuple(row) for name, row in zip(DATASETS, table, strict=True)})
    frame = pd.DataFrame({"value": table.reshape(-1), "dataset": np.repeat(DATASETS, 5)})
    squares = anova_lm(ols("value ~ dataset", frame).fit())["mean_sq"]
    assert found.between == pytest.approx(1 - squares["Residual"] / squares["dataset"])


def test_data_sets_that_differ_less_than_seeds_explain_have_no_variance_between_them() -> None:
    found = DifferenceOverDatasets("k=1", {"a": (0.0, 1.0), "b": (0.1, 1.0), "c": (0.0, 1.1)})
    assert found.between == 0.0


def test_ranks_and_critical_difference_are_those_of_autorank() -> None:
    from autorank import autorank

    table = np.random.default_rng(2).normal(size=(6, 4)) + np.array([0.0, 0.4, 0.8, 1.6])
    found = ranking_of(variants(table), 1)
    assert found is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few populations
        expected = autorank(
            pd.DataFrame(table, columns=[f"k={k}" for k in range(4)]), force_mode="nonparametric", order="descending"
        )
    assert dict(zip(found.labels, found.mean_ranks, strict=True)) == pytest.approx(dict(expected.rankdf["meanrank"]))
    assert found.critical_difference == pytest.approx(expected.cd, rel=1e-3)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_runs_of_variants_within_the_critical_difference_are_alike() -> None:
    # k = 3, N = 12: 2.343 √(12 / 72) = 0.957
    ranks = ((1.0,) * 12, (2.0,) * 6 + (2.0,) * 6, (3.0,) * 12)
    found = Ranking(("x", "y", "z"), tuple(map(str, range(12))), ranks)
    assert found.critical_difference == pytest.approx(0.957, abs=1e-3)
    assert found.alike == ()
    fewer = Ranking(("x", "y", "z"), DATASETS, tuple(row[:6] for row in ranks))  # 1.353
    assert fewer.alike == ((0, 1), (1, 2))


def test_lower_scores_rank_first_where_they_are_better_and_ties_share_ranks() -> None:
    table = np.array([[0.1, 0.2], [0.1, 0.2], [0.1, 0.2], [0.1, 0.2], [0.3, 0.3]])
    found = ranking_of(variants(table), -1)
    assert found is not None
    assert (found.labels, found.mean_ranks) == (("k=0", "k=1"), (1.1, 1.9))
    assert found.p_value == 0.125  # four signs alike, 2 / 2⁴; the tie is left out


@pytest.mark.parametrize(("rows", "better"), [(4, 1), (6, 0)])
def test_few_data_sets_and_metrics_without_a_direction_are_not_ranked(rows: int, better: int) -> None:
    assert ranking_of(variants(np.random.default_rng(0).normal(size=(rows, 3))), better) is None


def test_variants_that_a_data_set_lacks_are_left_out_of_the_ranks() -> None:
    members = variants(np.random.default_rng(0).normal(size=(5, 3)))[:-1]
    found = ranking_of(members, 1)
    assert found is not None
    assert set(found.labels) == {"k=0", "k=1"}

"""Variants, and their comparisons with the baseline, as pandas tables."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pandas as pd

from ablate.stats.axis_trends import AxisTrend
from ablate.stats.comparisons import Comparison
from ablate.stats.variants import Variant


def frame(variants: Iterable[Variant]) -> pd.DataFrame:
    """One row per variant: data set, method, a column per axis, the fields of `Estimate`, and counts of seeds."""
    variants = tuple(variants)
    axes = dict.fromkeys(axis for variant in variants for axis in variant.levels)
    stopped = any(variant.stopped for variant in variants)
    rows: list[dict[str, Any]] = [
        {
            "dataset": variant.config.dataset,
            "method": variant.config.method,
            **variant.levels,
            **asdict(variant.estimate),
            "baseline": variant.baseline,
            "failed": len(variant.failed),
            "missing": len(variant.missing),
            "no_value": len(variant.no_value),
            **({"stopped": len(variant.stopped)} if stopped else {}),
        }
        for variant in variants
    ]
    names = ["n", "mean", "low", "high", "std", "baseline", "failed", "missing", "no_value", *["stopped"] * stopped]
    columns = list(dict.fromkeys(["dataset", "method", *axes, *names]))
    return pd.DataFrame(rows, columns=columns)


def comparison_frame(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """One row per comparison: data set, method, levels, mean difference with interval, tests, and conclusion."""
    rows: list[dict[str, Any]] = [
        {
            "dataset": one.variant.config.dataset,
            "method": one.variant.config.method,
            **one.variant.levels,
            **one.numbers(),
        }
        for one in comparisons
    ]
    return pd.DataFrame(rows)


def trend_frame(trends: Iterable[AxisTrend]) -> pd.DataFrame:
    """One row per trend: data set, method, axis, mean slope with interval, and tests."""
    rows: list[dict[str, Any]] = [
        {
            "dataset": one.baseline.config.dataset,
            "method": one.baseline.config.method,
            "axis": one.axis,
            **one.numbers(),
        }
        for one in trends
    ]
    return pd.DataFrame(rows)

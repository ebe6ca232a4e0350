"""Variants as a pandas table."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pandas as pd

from ablate.stats.variants import Variant


def frame(variants: Iterable[Variant]) -> pd.DataFrame:
    """One row per variant: data set, method, a column per axis, the fields of `Estimate`, and counts of seeds."""
    variants = tuple(variants)
    axes = dict.fromkeys(axis for variant in variants for axis in variant.levels)
    rows: list[dict[str, Any]] = [
        {
            "dataset": variant.config.dataset,
            "method": variant.config.method,
            **variant.levels,
            **asdict(variant.estimate),
            "baseline": variant.baseline,
            "failed": len(variant.failed),
            "missing": len(variant.missing),
        }
        for variant in variants
    ]
    names = ["n", "mean", "low", "high", "std", "baseline", "failed", "missing"]
    columns = list(dict.fromkeys(["dataset", "method", *axes, *names]))
    return pd.DataFrame(rows, columns=columns)

"""Means over the seeds of a proposal."""

import math
import statistics
from collections.abc import Collection

from ablate.launch_config import Outcome


def mean_of(outcomes: Collection[Outcome], metric: str) -> float | None:
    """The mean of a metric over seeds; None where there is none, or one has no finite value."""
    values = [outcome.metrics.get(metric, math.nan) for outcome in outcomes]
    return statistics.fmean(values) if values and all(map(math.isfinite, values)) else None

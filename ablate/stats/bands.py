"""Curves over seeds as one curve with an interval at each epoch."""

from collections.abc import Mapping, Sequence

from ablate.stats.estimate import Estimate

Curve = Sequence[tuple[int, float]]  # (epoch, value)
Curves = Mapping[str, Mapping[str, Curve]]  # metric → key of a trial → curve

MOST_POINTS = 200


def band(curves: Sequence[Curve]) -> dict[int, Estimate]:
    """Epoch → estimate over seeds, for at most MOST_POINTS of the epochs that all curves have; values as they are."""
    tables = [dict(curve) for curve in curves if curve]
    if not tables:
        return {}
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    if len(shared) > MOST_POINTS:
        shared = [shared[round(at * (len(shared) - 1) / (MOST_POINTS - 1))] for at in range(MOST_POINTS)]
    return {epoch: Estimate.of([table[epoch] for table in tables]) for epoch in shared}

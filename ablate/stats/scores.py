"""Scores of one metric by level and seed."""

from collections.abc import Iterable, Mapping

from ablate.options import Value

Scores = Mapping[Value, Mapping[int, float]]  # level → seed → score


def common_seeds(scores: Scores, levels: Iterable[Value]) -> set[int]:
    """The seeds that each of the levels has a score of."""
    return set.intersection(*(set(scores[level]) for level in levels))

"""Tests of whether a difference is too small to matter."""

from collections.abc import Sequence

from ablate.stats.paired import t_test


def equivalence_test(differences: Sequence[float], margin: float) -> float | None:
    """p of the two one-sided tests that a mean difference lies within ± margin (Schuirmann 1987).

    The larger p of the two tests: at most 5 % supports that no difference of the margin's size exists.  None for fewer
    than two values.
    """
    above, below = t_test(differences, -margin, "greater"), t_test(differences, margin, "less")
    return None if above is None or below is None else max(above, below)

"""The magnitude that features are divided by, so that their squares neither overflow nor vanish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.deferred import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def largest_magnitude(x: NDArray[np.float32]) -> float:
    """The largest absolute value of features (N, D); 1 where all are 0."""
    return float(np.abs(x).max()) or 1.0

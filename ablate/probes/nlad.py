"""Negative log absolute determinant (NLAD) of the class means' cosines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ablate.deferred import np
from ablate.probes.magnitude import largest_magnitude
from ablate.probes.probe import Embedded, Features, Matrix, Metrics, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Cosines: TypeAlias = "NDArray[np.float64]"  # (classes, classes)


@dataclass(frozen=True)
class NLAD(Probe):
    """Negative logarithm of the absolute determinant of the class means' cosines; 0 where they are orthogonal.

    Eigenvalues below the machine epsilon of float64 are replaced by it, so that coinciding means give a large number
    (36 for each lost dimension) instead of infinity.
    """

    source: ClassVar[str] = "Lee, Song, Schuetze and Wang (about 2021), Distance Enhancement Loss, NLAD (Table 2)"
    metrics: ClassVar[Metrics] = {"nlad": "minimize", "smallest_cosine": "minimize"}

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        cosines = class_cosines(embedded.test)
        return {"nlad": negative_log_determinant(cosines), "smallest_cosine": float(cosines.min())}

    def pictures(self, embedded: Embedded, seed: int) -> Mapping[str, Matrix]:
        """The cosines of the class means."""
        cosines = class_cosines(embedded.test)
        names = tuple(str(label) for label in np.unique(embedded.test.y))
        return {"class_similarity": Matrix(cosines, names, names, min(0.0, float(cosines.min())), 1.0)}


def class_cosines(features: Features) -> Cosines:
    """The cosines (classes, classes) of the class means, by ascending label; a zero mean is replaced by ones."""
    unit = largest_magnitude(features.x)
    x = features.x.astype(np.float64) / unit
    means = np.stack([x[features.y == label].mean(axis=0) for label in np.unique(features.y)])
    lengths = np.linalg.norm(means, axis=1)
    means[lengths == 0], lengths[lengths == 0] = 1.0, means.shape[1] ** 0.5
    directions = means / lengths[:, None]
    cosines: Cosines = np.clip(directions @ directions.T, -1.0, 1.0)
    return cosines


def negative_log_determinant(cosines: Cosines) -> float:
    """−log |det M| of a positive semidefinite M, by its eigenvalues."""
    return float(-np.log(np.maximum(np.linalg.eigvalsh(cosines), np.finfo(np.float64).eps)).sum())

"""Negative log absolute determinant (NLAD) of the class means' cosines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ablate.deferred import np, torch
from ablate.options import option
from ablate.probes.inputs import BATCH, inputs_of, model_of, require_finite
from ablate.probes.magnitude import largest_magnitude
from ablate.probes.probe import Capability, Embedded, Features, Matrix, Metrics, Model, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Cosines: TypeAlias = "NDArray[np.float64]"  # (classes, classes)


@dataclass(frozen=True)
class NLAD(Probe):
    """Negative logarithm of the absolute determinant of the class means' cosines; 0 where they are orthogonal.

    Eigenvalues below the machine epsilon of float64 are replaced by it, so that coinciding means give a large number
    (36 for each lost dimension) instead of infinity.  The metrics `map_…` are those of a ResNet's last maps before
    pooling, flattened, which are the authors' features; pooling raises cosines.
    """

    source: ClassVar[str] = "Lee, Song, Schuetze and Wang (about 2021), Distance Enhancement Loss, NLAD (Table 2)"
    metrics: ClassVar[Metrics] = {
        "nlad": "minimize",
        "smallest_cosine": "minimize",
        "map_nlad": "minimize",
        "map_smallest_cosine": "minimize",
    }

    flatten_map: bool = option(
        False, "also score the flattened maps before pooling; other networks' features are their maps", added=True
    )

    @property
    def required(self) -> tuple[Capability, ...]:
        return ("maps",) if self.flatten_map else ()

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        cosines = class_cosines(embedded.test)
        scores = scores_of(cosines)
        if self.flatten_map:
            means = map_means(model_of(embedded), embedded.test)
            scores |= {f"map_{name}": value for name, value in scores_of(cosines_of(means)).items()}
        return scores

    def pictures(self, embedded: Embedded, seed: int) -> Mapping[str, Matrix]:
        """The cosines of the class means."""
        cosines = class_cosines(embedded.test)
        names = tuple(str(label) for label in np.unique(embedded.test.y))
        return {"class_similarity": Matrix(cosines, names, names, min(0.0, float(cosines.min())), 1.0)}


def class_cosines(features: Features) -> Cosines:
    """The cosines (classes, classes) of the class means, by ascending label; a zero mean is replaced by ones."""
    unit = largest_magnitude(features.x)
    x = features.x.astype(np.float64) / unit
    return cosines_of(np.stack([x[features.y == label].mean(axis=0) for label in np.unique(features.y)]))


def map_means(model: Model, features: Features) -> NDArray[np.float64]:
    """The class means (classes, M) of the flattened maps of a split, by ascending label."""
    classes, rows_of_labels = np.unique(features.y, return_inverse=True)
    inputs, sums = inputs_of(features), np.zeros((len(classes), 0))
    for part in torch.arange(len(inputs)).split(BATCH):
        maps = require_finite(model.maps(inputs.batch(part)), "the maps").double().numpy()
        sums = sums if sums.shape[1] else np.zeros((len(classes), maps.shape[1]))
        np.add.at(sums, rows_of_labels[part.numpy()], maps)
    means: NDArray[np.float64] = sums / np.bincount(rows_of_labels)[:, None]
    return means


def cosines_of(means: NDArray[np.float64]) -> Cosines:
    """The cosines (classes, classes) of class means (classes, D); a zero mean is replaced by ones."""
    means = means.copy()
    lengths = np.linalg.norm(means, axis=1)
    means[lengths == 0], lengths[lengths == 0] = 1.0, means.shape[1] ** 0.5
    directions = means / lengths[:, None]
    cosines: Cosines = np.clip(directions @ directions.T, -1.0, 1.0)
    return cosines


def scores_of(cosines: Cosines) -> dict[str, float]:
    """NLAD and the smallest cosine."""
    return {"nlad": negative_log_determinant(cosines), "smallest_cosine": float(cosines.min())}


def negative_log_determinant(cosines: Cosines) -> float:
    """−log |det M| of a positive semidefinite M, by its eigenvalues."""
    return float(-np.log(np.maximum(np.linalg.eigvalsh(cosines), np.finfo(np.float64).eps)).sum())

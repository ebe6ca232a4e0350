"""Linear regression of continuous targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.magnitude import largest_magnitude
from ablate.probes.probe import Embedded, Features, Metrics, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Values: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class Regression(Probe):
    """Residual sum of squares of least squares with an intercept, over the evaluation split and all targets."""

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, linear regression"
    metrics: ClassVar[Metrics] = {"rss": "minimize", "r2": "maximize"}

    held_out: bool = option(
        False, "whether to fit on the training split; else on the evaluation split itself, as in the paper"
    )

    def check(self, info: DataInfo) -> None:
        if info.targets < 1:
            raise StudyError(
                "this probe needs continuous targets, and there are none",
                "choose a data set with targets, as msi or celeba, or leave the probe out",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        fitted = embedded.train if self.held_out else embedded.evaluation
        expected = targets(embedded.evaluation)
        residual = expected - predicted(fitted, embedded.evaluation.x)
        rss, total = (float(np.square(values).sum()) for values in (residual, expected - expected.mean(axis=0)))
        return {"rss": rss, "r2": 1 - rss / total if total else 0.0}


def targets(features: Features) -> Values:
    """The targets (N, T), in double precision."""
    assert features.targets is not None, "checked before"
    return features.targets.astype(np.float64)


def predicted(train: Features, x: NDArray[np.float32]) -> Values:
    """Features x (N, D) → targets (N, T), by least squares on `train`; of several solutions that of least norm."""
    unit = largest_magnitude(train.x)
    inputs, expected = train.x.astype(np.float64) / unit, targets(train)
    center, mean = inputs.mean(axis=0), expected.mean(axis=0)
    weights = np.linalg.lstsq(inputs - center, expected - mean, rcond=None)[0]
    values: Values = mean + (x.astype(np.float64) / unit - center) @ weights
    return values

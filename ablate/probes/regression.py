"""How well does a linear map read continuous targets?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.probe import Embedded, Features, Metrics, Probe

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Regression(Probe):
    """Residual sum of squares of least squares with an intercept, over all judged samples and targets."""

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, linear regression"
    metrics: ClassVar[Metrics] = {"rss": "minimize", "r2": "maximize"}

    held_out: bool = option(
        False, "whether to fit on the training split only; else on all judged samples, as the paper"
    )

    def check(self, info: DataInfo) -> None:
        if info.targets < 1:
            raise StudyError(
                "this probe needs continuous targets, and there are none",
                "choose a data set with targets, as msi or celeba, or leave the probe out",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        fitted = embedded.train if self.held_out else embedded.evaluation
        wanted = targets(embedded.evaluation)
        residual = wanted - predicted(fitted, embedded.evaluation.x)
        rss, total = (float(np.square(values).sum()) for values in (residual, wanted - wanted.mean(axis=0)))
        return {"rss": rss, "r2": 1 - rss / total if total else 0.0}


def targets(features: Features) -> Values:
    """The targets (N, T), in double precision."""
    assert features.targets is not None, "checked before"
    return features.targets.astype(np.float64)


def predicted(train: Features, x: NDArray[np.float32]) -> Values:
    """Features (N, D) → targets (N, T), by the least squares of the training samples; of many the smallest."""
    unit = float(np.abs(train.x).max()) or 1.0
    inputs, wanted = train.x.astype(np.float64) / unit, targets(train)
    middle, mean = inputs.mean(axis=0), wanted.mean(axis=0)
    weights = np.linalg.lstsq(inputs - middle, wanted - mean, rcond=None)[0]
    read: Values = mean + (x.astype(np.float64) / unit - middle) @ weights
    return read

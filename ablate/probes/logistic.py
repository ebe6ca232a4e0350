"""What can multinomial logistic regression learn from few labels?"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ablate.data_info import DataInfo
from ablate.options import option
from ablate.probes.labels import check_labels, labelled
from ablate.probes.passes import accuracies, errors, stochastic
from ablate.probes.probe import Embedded, Features, Metrics, Probe


@dataclass(frozen=True)
class Logistic(Probe):
    """Accuracy on the features as they are, and the error on codes drawn from the encoder's posterior."""

    source: ClassVar[str] = "Sinaga, Basarrudin and Krisnadhi 2022 (VTE), ICPRAM, multinomial logistic regression"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "error_rate": "minimize", "error_rate_std": "minimize"}

    labels: int | None = option(None, "labelled training samples, even over the classes; all where absent", least=2)
    passes: int = option(5, "draws of the test codes, their errors averaged; 0: features as they are", least=0)
    iterations: int = option(100, "passes of the SAG solver (Schmidt et al. 2017), converged or not", least=1)
    strength: float = option(1.0, "inverse of the L2 penalty (C)", above=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        train = labelled(embedded.train, self.labels)

        def judge(learned: Features, evaluation: Iterable[Features]) -> list[float]:
            return self.judge(learned, evaluation, seed)

        (accuracy,) = judge(train, [embedded.test])
        if not (self.passes and stochastic(embedded)):
            return {"accuracy": accuracy, **errors([accuracy])}
        return {"accuracy": accuracy, **errors(accuracies(train, embedded, self.passes, seed, judge))}

    def judge(self, learned: Features, evaluation: Iterable[Features], seed: int) -> list[float]:
        """The accuracy on each of the splits, of one fit."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.strength, solver="sag", max_iter=self.iterations, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the protocol's iterations are what counts
            model.fit(learned.x.astype(np.float64), learned.y)
        return [float(model.score(split.x.astype(np.float64), split.y)) for split in evaluation]

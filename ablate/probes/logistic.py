"""Multinomial logistic regression, optionally from few labels and on drawn codes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.options import option
from ablate.probes.labels import check_labels, labelled
from ablate.probes.posterior import error_rates, pass_accuracies, stochastic
from ablate.probes.probe import Embedded, Features, Metrics, Probe


@dataclass(frozen=True)
class Logistic(Probe):
    """Accuracy on the features, and error rate on codes drawn from the encoder's posterior where it has one."""

    source: ClassVar[str] = "Sinaga, Basarrudin and Krisnadhi 2022 (VTE), ICPRAM, multinomial logistic regression"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "error_rate": "minimize", "error_rate_std": "minimize"}

    labels: int | None = option(None, "labelled training samples, balanced over the classes; all where absent", least=2)
    passes: int = option(5, "draws of the test codes, errors averaged over them; 0: the features, no draws", least=0)
    iterations: int = option(100, "iterations of the SAG solver (Schmidt et al. 2017), converged or not", least=1)
    inverse_regularization: float = option(1.0, "C, the inverse of the L2 penalty", above=0, former="strength")

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        train = labelled(embedded.train, self.labels)

        def accuracies(learned: Features, tested: Iterable[Features]) -> list[float]:
            return self.accuracies(learned, tested, seed)

        (accuracy,) = accuracies(train, [embedded.test])
        if not (self.passes and stochastic(embedded)):
            return {"accuracy": accuracy, **error_rates([accuracy])}
        return {"accuracy": accuracy, **error_rates(pass_accuracies(train, embedded, self.passes, seed, accuracies))}

    def accuracies(self, train: Features, tested: Iterable[Features], seed: int) -> list[float]:
        """The accuracy on each of several splits, after one fit to the training split."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(
            C=self.inverse_regularization, solver="sag", max_iter=self.iterations, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the protocol fixes the iterations
            model.fit(train.x.astype(np.float64), train.y)
        return [float(model.score(split.x.astype(np.float64), split.y)) for split in tested]

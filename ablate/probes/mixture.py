"""Agreement of a Gaussian mixture's components with the classes."""

from __future__ import annotations

import heapq
import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.clustering import Labels, agreement
from ablate.probes.magnitude import largest_magnitude
from ablate.probes.probe import Embedded, Metrics, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.mixture import GaussianMixture

Points: TypeAlias = "NDArray[np.float64]"  # (N, D)


@dataclass(frozen=True)
class Mixture(Probe):
    """Agreement of test labels with the components of a full-covariance mixture fitted to the training split.

    Short runs of EM, one from every start, are compared on a subsample; the most likely ones are continued to
    convergence on the whole split, and the most likely result is used (em-EM, after Biernacki, Celeux and Govaert
    2003).  With `exhaustive`, every start is run to convergence on the whole split.
    """

    source: ClassVar[str] = "Bizeul, Schölkopf and Allen 2024 (SimVAE), arXiv:2402.01399, Gaussian mixture"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "nmi": "maximize", "ari": "maximize"}

    starts: int = option(20, "initialisations by k-means (paper: 200, its code: 20)", least=1)
    exhaustive: bool = option(False, "whether every start is run to convergence, as in scikit-learn")
    short_run_steps: int = option(10, "steps of EM in a short run", least=1, former="first_steps")
    short_run_samples: int = option(10000, "training samples of the short runs", least=2, former="sample")
    long_runs: int = option(3, "short runs that are continued to convergence", least=1, former="finalists")
    test_batch_size: int | None = option(
        None,
        "test samples in the batches over which agreement is averaged (table 6); all at once where absent",
        least=2,
        former="per_batch",
    )

    def check(self, info: DataInfo) -> None:
        super().check(info)
        samples = min(info.probed, self.short_run_samples)
        if samples < info.classes:
            raise StudyError(
                f"{samples} samples cannot form {info.classes} components",
                f"set short_run_samples to {info.classes} at least, or use more data",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        unit = largest_magnitude(embedded.train.x)  # the floor of variances assumes features near 1
        x, test = (split.x.astype(np.float64) / unit for split in (embedded.train, embedded.test))
        scale = float(x.std()) or 1.0
        components = self.fit(x / scale, len(np.unique(embedded.train.y)), seed, embedded).predict(test / scale)
        return averaged(components, embedded.test.y, self.test_batch_size)

    def fit(self, x: Points, classes: int, seed: int, embedded: Embedded) -> GaussianMixture:
        """The mixture of the greatest likelihood."""
        generator = np.random.default_rng(seed)
        part = x if self.exhaustive else subsample(x, self.short_run_samples, generator)
        steps = {} if self.exhaustive else {"max_iter": self.short_run_steps}
        long_runs = 0 if self.exhaustive else min(self.long_runs, self.starts)
        count = itertools.count(1)

        def reported(model: GaussianMixture) -> GaussianMixture:
            embedded.report_progress(next(count) / (self.starts + long_runs + 1))
            return model

        seeds = (int(generator.integers(2**31)) for _ in range(self.starts))
        started = (reported(fitted(part, mixture(classes, each, **steps))) for each in seeds)
        likeliest = heapq.nlargest(long_runs or 1, started, key=likelihood)
        converged = [reported(fitted(x, continued(start, seed))) for start in likeliest[:long_runs]]
        return max(converged or likeliest, key=likelihood)


def likelihood(model: GaussianMixture) -> float:
    """Mean log likelihood of the points that it was fitted to."""
    return float(model.lower_bound_)


def mixture(classes: int, seed: int, **settings: Any) -> GaussianMixture:
    """A mixture, not fitted yet, that is initialised by k-means."""
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(classes, covariance_type="full", random_state=seed, **settings)


def continued(model: GaussianMixture, seed: int) -> GaussianMixture:
    """A mixture, not fitted yet, that is initialised by the parameters of another one."""
    start = {"weights_init": model.weights_, "means_init": model.means_, "precisions_init": model.precisions_}
    return mixture(model.n_components, seed, **start)


def fitted(x: Points, model: GaussianMixture) -> GaussianMixture:
    """The mixture after fitting, converged or not."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():  # short runs stop early, and a collapsed embedding has fewer clusters
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x)


def subsample(x: Points, most: int, generator: np.random.Generator) -> Points:
    """At most `most` of the points, drawn without replacement."""
    return x if len(x) <= most else x[generator.choice(len(x), most, replace=False)]


def averaged(clusters: Labels, labels: Labels, batch_size: int | None) -> dict[str, float]:
    """Agreement on all samples, or its mean over consecutive batches, each with a matching of its own."""
    size = batch_size or len(labels)
    scores = [agreement(clusters[at], labels[at]) for at in batch_slices(len(labels), size)]
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def batch_slices(samples: int, size: int) -> Iterator[slice]:
    """Consecutive batches; the last one may be smaller."""
    for start in range(0, samples, size):
        yield slice(start, start + size)

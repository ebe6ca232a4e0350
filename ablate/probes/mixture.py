"""Is the embedding a mixture of Gaussians, one for each class?"""

import heapq
import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.clustering import Labels, agreement
from ablate.probes.probe import Embedded, Metrics, Probe

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

Points = NDArray[np.float64]  # (N, D)


@dataclass(frozen=True)
class Mixture(Probe):
    """Agreement of test labels with the components of a full-covariance mixture fitted to the training split.

    From every start a few steps of EM are taken on a sample; the likeliest few go on to convergence on the whole split,
    where the likeliest counts (after Biernacki, Celeux and Govaert 2003, em-EM), unless all are to.
    """

    source: ClassVar[str] = "Bizeul, Schölkopf and Allen 2024 (SimVAE), arXiv:2402.01399, Gaussian mixture"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "nmi": "maximize", "ari": "maximize"}

    starts: int = option(20, "initialisations by k-means; the likeliest counts (paper: 200, its code: 20)", least=1)
    exhaustive: bool = option(False, "whether every start goes on to convergence, as in scikit-learn")
    first_steps: int = option(10, "steps of EM by which starts are compared", least=1)
    sample: int = option(10000, "training samples on which starts are compared", least=2)
    finalists: int = option(3, "starts that go on to convergence", least=1)
    per_batch: int | None = option(None, "test samples in a batch over which agreement is averaged (table 6)", least=2)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if min(info.probed, self.sample) < info.classes:
            raise StudyError(
                f"{min(info.probed, self.sample)} samples cannot form {info.classes} components",
                f"set sample to {info.classes} at least, or use more data",
            )

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        unit = float(np.abs(embedded.train.x).max()) or 1.0  # the floor under variances is one for features near 1
        x, test = (split.x.astype(np.float64) / unit for split in (embedded.train, embedded.test))
        scale = float(x.std()) or 1.0
        components = self.fit(x / scale, len(np.unique(embedded.train.y)), seed, embedded).predict(test / scale)
        return averaged(components, embedded.test.y, self.per_batch)

    def fit(self, x: Points, classes: int, seed: int, embedded: Embedded) -> "GaussianMixture":
        """The mixture of the greatest likelihood."""
        generator = np.random.default_rng(seed)
        part = x if self.exhaustive else sample(x, self.sample, generator)
        steps = {} if self.exhaustive else {"max_iter": self.first_steps}
        going_on = 0 if self.exhaustive else min(self.finalists, self.starts)
        count = itertools.count(1)

        def told(model: "GaussianMixture") -> "GaussianMixture":
            embedded.tell(next(count) / (self.starts + going_on + 1))
            return model

        seeds = (int(generator.integers(2**31)) for _ in range(self.starts))
        begun = (told(converged(part, mixture(classes, each, **steps))) for each in seeds)
        likeliest = heapq.nlargest(going_on or 1, begun, key=likelihood)
        ended = [told(converged(x, continued(first, seed))) for first in likeliest[:going_on]]
        return max(ended or likeliest, key=likelihood)


def likelihood(model: "GaussianMixture") -> float:
    """Mean log likelihood of the points that it was fitted to."""
    return float(model.lower_bound_)


def mixture(classes: int, seed: int, **settings: Any) -> "GaussianMixture":
    """A mixture that starts from the clusters of k-means."""
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(classes, covariance_type="full", random_state=seed, **settings)


def continued(first: "GaussianMixture", seed: int) -> "GaussianMixture":
    """A mixture that starts where another one stopped."""
    start = {"weights_init": first.weights_, "means_init": first.means_, "precisions_init": first.precisions_}
    return mixture(first.n_components, seed, **start)


def converged(x: Points, model: "GaussianMixture") -> "GaussianMixture":
    """The mixture after its steps."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():  # starts are stopped early, and a collapsed embedding has fewer clusters
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x)


def sample(x: Points, most: int, generator: np.random.Generator) -> Points:
    """At most so many of the points."""
    return x if len(x) <= most else x[generator.choice(len(x), most, replace=False)]


def averaged(clusters: Labels, labels: Labels, per_batch: int | None) -> dict[str, float]:
    """Agreement on all samples, or its mean over consecutive batches, each with a matching of its own."""
    size = per_batch or len(labels)
    scores = [agreement(clusters[at], labels[at]) for at in batches(len(labels), size)]
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def batches(samples: int, size: int) -> Iterator[slice]:
    """Consecutive batches, the last one perhaps smaller."""
    for start in range(0, samples, size):
        yield slice(start, start + size)

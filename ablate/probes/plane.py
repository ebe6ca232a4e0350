"""The embedding laid out in a plane by t-SNE, for the probes that look at it there."""

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.labels import take
from ablate.probes.probe import Features, Probe, unheard

EXAGGERATED = 250  # first steps, in which clusters are pulled together
Plane = NDArray[Any]  # (N, 2)


class Listener(io.TextIOBase):
    """Hears how far scikit-learn's t-SNE is, which it prints and says in no other way."""

    def __init__(self, hear: Callable[[int], None]) -> None:
        self.hear = hear

    def write(self, text: str) -> int:
        """Take in what is printed; nobody else sees it."""
        if found := re.search(r"Iteration (\d+)", text):
            self.hear(int(found[1]))
        return len(text)


@dataclass(frozen=True)
class Planar(Probe):
    """A probe on the t-SNE plane of the judged samples (van der Maaten and Hinton 2008).

    The repulsion is approximated by trees in scikit-learn (van der Maaten 2014); openTSNE interpolates where samples
    are many (Linderman et al. 2019), in a time that grows no faster than their number.
    """

    points: int | None = option(None, "samples to place and judge, drawn by the seed; all where absent", least=2)
    perplexity: float = option(30.0, "effective number of neighbours in t-SNE", above=0)
    iterations: int = option(1000, "steps of t-SNE", least=EXAGGERATED)
    learning_rate: float = option(200.0, "step size of t-SNE, the default of scikit-learn 0.23", above=0)
    library: Literal["scikit-learn", "openTSNE"] = option("scikit-learn", "what computes t-SNE; openTSNE is an extra")

    def placed(self, info: DataInfo) -> int:
        """How many samples are placed."""
        return min(info.evaluation, self.points or info.evaluation)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if self.library == "openTSNE" and find_spec("openTSNE") is None:
            raise StudyError("openTSNE is not installed", "pip install openTSNE, or set library to scikit-learn")
        if self.library == "openTSNE" and 3 * self.perplexity >= self.placed(info):  # it would lower it by itself
            raise StudyError(
                f"a perplexity of {self.perplexity:g} looks at {3 * self.perplexity:g} neighbours in openTSNE, "
                f"and there are {self.placed(info)} samples",
                "set perplexity below a third of them, or library to scikit-learn",
            )

    def drawn(self, features: Features, seed: int) -> Features:
        """At most `points` samples, in their order."""
        if self.points is None or self.points >= len(features.y):
            return features
        return take(features, np.sort(np.random.default_rng(seed).choice(len(features.y), self.points, replace=False)))

    def plane(self, x: NDArray[np.float32], seed: int, tell: Callable[[float], None] = unheard) -> Plane:
        """Features (N, D) → (N, 2), whatever their scale."""
        unit = float(np.abs(x).max()) or 1.0  # t-SNE knows no scale, but float32 does
        if self.library == "openTSNE":
            return self.by_interpolation(x / unit, seed, tell)
        return self.by_trees(x / unit, seed, tell)

    def by_trees(self, x: NDArray[np.float32], seed: int, tell: Callable[[float], None]) -> Plane:
        """The plane of scikit-learn."""
        from sklearn.manifold import TSNE

        tsne = TSNE(
            perplexity=self.perplexity,
            learning_rate=self.learning_rate,
            max_iter=self.iterations,
            init="random",
            random_state=seed,
            verbose=2,
        )
        with redirect_stdout(Listener(lambda step: tell(step / self.iterations))):
            placed: Plane = tsne.fit_transform(x)
        return placed

    def by_interpolation(self, x: NDArray[np.float32], seed: int, tell: Callable[[float], None]) -> Plane:
        """The plane of openTSNE with scikit-learn's schedule."""
        from openTSNE import TSNE

        steps = iter(range(50, self.iterations + 50, 50))

        def heard(*_: object) -> None:
            tell(next(steps, self.iterations) / self.iterations)

        tsne = TSNE(
            perplexity=self.perplexity,
            learning_rate=self.learning_rate,
            early_exaggeration_iter=EXAGGERATED,
            n_iter=self.iterations - EXAGGERATED,
            initialization="random",
            negative_gradient_method="auto",  # trees below 10,000 samples, where they are faster
            callbacks=heard,
            callbacks_every_iters=50,
            random_state=seed,
        )
        return np.asarray(tsne.fit(x))

"""The t-SNE plane of an embedding, by scikit-learn or openTSNE, and the abstract class of the probes that use it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.inputs import random_rows
from ablate.probes.labels import take
from ablate.probes.magnitude import largest_magnitude
from ablate.probes.probe import Features, Probe, no_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXAGGERATED = 250  # steps of early exaggeration
Plane: TypeAlias = "NDArray[Any]"  # (N, 2)


class ProgressParser(io.TextIOBase):
    """A replacement of stdout that reads the step from the output of scikit-learn's t-SNE, which has no callback."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self.report = report

    def write(self, text: str) -> int:
        """Report the step, if the text names one; nothing is printed."""
        if found := re.search(r"Iteration (\d+)", text):
            self.report(int(found[1]))
        return len(text)


@dataclass(frozen=True)
class TSNEProbe(Probe):
    """A probe on the t-SNE plane of the evaluation split (van der Maaten and Hinton 2008).

    scikit-learn approximates the repulsion by trees (van der Maaten 2014); openTSNE interpolates where there are many
    samples (Linderman et al. 2019), in a time linear in their number.
    """

    points: int | None = option(None, "evaluation samples, drawn by the seed; all where absent", least=2)
    perplexity: float = option(30.0, "effective number of neighbours in t-SNE", above=0)
    iterations: int = option(1000, "steps of t-SNE", least=EXAGGERATED)
    learning_rate: float = option(200.0, "step size of t-SNE, the default of scikit-learn 0.23", above=0)
    library: Literal["scikit-learn", "openTSNE"] = option("scikit-learn", "implementation; openTSNE is an extra")

    def placed(self, info: DataInfo) -> int:
        """The number of samples in the plane."""
        return min(info.evaluation, self.points or info.evaluation)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if self.library == "openTSNE" and find_spec("openTSNE") is None:
            raise StudyError("openTSNE is not installed", "pip install openTSNE, or set library to scikit-learn")
        if self.library == "openTSNE" and 3 * self.perplexity >= self.placed(info):  # openTSNE would lower it
            raise StudyError(
                f"a perplexity of {self.perplexity:g} uses {3 * self.perplexity:g} neighbours in openTSNE, "
                f"and there are {self.placed(info)} samples",
                "set perplexity below a third of them, or library to scikit-learn",
            )

    def drawn(self, features: Features, seed: int) -> Features:
        """At most `points` samples, drawn by the seed, in their order."""
        if self.points is None or self.points >= len(features.y):
            return features
        return take(features, random_rows(len(features.y), self.points, seed).numpy())

    def plane(self, x: NDArray[np.float32], seed: int, report: Callable[[float], None] = no_report) -> Plane:
        """Features (N, D) → (N, 2)."""
        unit = largest_magnitude(x)  # t-SNE does not depend on the scale, but large float32 values overflow
        if self.library == "openTSNE":
            return self.by_opentsne(x / unit, seed, report)
        return self.by_sklearn(x / unit, seed, report)

    def by_sklearn(self, x: NDArray[np.float32], seed: int, report: Callable[[float], None]) -> Plane:
        """The plane (N, 2) by scikit-learn."""
        from sklearn.manifold import TSNE

        tsne = TSNE(
            perplexity=self.perplexity,
            learning_rate=self.learning_rate,
            max_iter=self.iterations,
            init="random",
            random_state=seed,
            verbose=2,
        )
        with redirect_stdout(ProgressParser(lambda step: report(step / self.iterations))):
            placed: Plane = tsne.fit_transform(x)
        return placed

    def by_opentsne(self, x: NDArray[np.float32], seed: int, report: Callable[[float], None]) -> Plane:
        """The plane (N, 2) by openTSNE, with scikit-learn's schedule."""
        from openTSNE import TSNE

        steps = iter(range(50, self.iterations + 50, 50))

        def callback(*_: object) -> None:
            report(next(steps, self.iterations) / self.iterations)

        tsne = TSNE(
            perplexity=self.perplexity,
            learning_rate=self.learning_rate,
            early_exaggeration_iter=EXAGGERATED,
            n_iter=self.iterations - EXAGGERATED,
            initialization="random",
            negative_gradient_method="auto",  # trees below 10,000 samples, where they are faster
            callbacks=callback,
            callbacks_every_iters=50,
            random_state=seed,
        )
        return np.asarray(tsne.fit(x))

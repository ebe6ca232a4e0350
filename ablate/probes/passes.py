"""Several looks through a stochastic encoder: codes drawn from its posterior, and the error averaged over them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ablate.errors import TrialError
from ablate.probes.inputs import inputs_of, model_of
from ablate.probes.probe import Embedded, Features, Model

BATCH = 1000  # inputs encoded at a time

Judge = Callable[[Features, Iterable[Features]], list[float]]  # what learns from the first: its accuracy on the others


@dataclass(frozen=True)
class Codes:
    """The Gaussians q(z | x) of a split, means and deviations (N, L), with the labels (N,)."""

    mean: Tensor
    deviation: Tensor | None  # None: codes are certain
    y: Tensor

    def draw(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """A code (B, L) for each of the samples at positions (B,)."""
        mean = self.mean[rows]
        if self.deviation is None:
            return mean
        return mean + self.deviation[rows] * torch.randn(mean.shape, generator=generator)

    def all(self, generator: torch.Generator) -> Features:
        """A code of every sample, as features."""
        return Features(self.draw(torch.arange(len(self.y)), generator).numpy(), self.y.numpy())


def stochastic(embedded: Embedded) -> bool:
    """Whether there is a posterior to draw codes from."""
    return embedded.model is not None and embedded.model.can("posterior")


def certain(features: Features) -> Codes:
    """Codes that are the features."""
    return Codes(torch.tensor(features.x), None, torch.tensor(features.y))


def posteriors(features: Features, model: Model) -> Codes:
    """The posterior of every sample.  Raises TrialError where one is not finite."""
    inputs = inputs_of(features)
    told = [model.posterior(inputs.batch(rows)) for rows in torch.arange(len(inputs)).split(BATCH)]
    mean = torch.cat([mean for mean, _ in told])
    deviation = (torch.cat([log_variance for _, log_variance in told]) / 2).exp()
    if not (mean.isfinite().all() and deviation.isfinite().all()):
        raise TrialError("the encoder's posterior is not finite", "training has diverged: lower the learning rate")
    return Codes(mean, deviation, torch.tensor(features.y))


def accuracies(train: Features, embedded: Embedded, passes: int, seed: int, judge: Judge) -> list[float]:
    """The accuracy at each pass, of a classifier that learned from one draw of every training code."""
    generator = torch.Generator().manual_seed(seed)
    learned = posteriors(train, model_of(embedded)).all(generator)
    codes = posteriors(embedded.test, model_of(embedded))
    return judge(learned, draws(codes, passes, generator))


def draws(codes: Codes, passes: int, generator: torch.Generator) -> Iterator[Features]:
    """A fresh draw of all codes at each pass."""
    for _ in range(passes):
        yield codes.all(generator)


def errors(right: Sequence[float]) -> dict[str, float]:
    """The mean error rate of several accuracies, and its sample standard deviation."""
    rates = 1 - np.asarray(right)
    spread = float(rates.std(ddof=1)) if len(rates) > 1 else 0.0
    return {"error_rate": float(rates.mean()), "error_rate_std": spread}

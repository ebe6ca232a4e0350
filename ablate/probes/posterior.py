"""Codes drawn from a stochastic encoder's posterior, and error rates averaged over several draws (passes)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.deferred import np, torch
from ablate.errors import TrialError
from ablate.probes.inputs import batches, inputs_of, model_of
from ablate.probes.probe import DIVERGED, Embedded, Features, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

BATCH = 1000  # inputs in one forward pass

Classify = Callable[[Features, Iterable[Features]], list[float]]  # fits the first; its accuracy on each of the others


@dataclass(frozen=True)
class Codes:
    """The Gaussians q(z | x) of a split: means and standard deviations (N, L), with the labels (N,)."""

    mean: Tensor
    deviation: Tensor | None  # None: the codes are the means
    y: Tensor

    def draw(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """One code (B, L) for each of the samples at positions (B,)."""
        mean = self.mean[rows]
        if self.deviation is None:
            return mean
        return mean + self.deviation[rows] * torch.randn(mean.shape, generator=generator)

    def all(self, generator: torch.Generator) -> Features:
        """One code of every sample, as features."""
        return Features(self.draw(torch.arange(len(self.y)), generator).numpy(), self.y.numpy())


def stochastic(embedded: Embedded) -> bool:
    """Whether there is a model whose encoder has a posterior."""
    return embedded.model is not None and embedded.model.can("posterior")


def certain(features: Features) -> Codes:
    """The features as codes without deviation."""
    return Codes(torch.tensor(features.x), None, torch.tensor(features.y))


def posteriors(features: Features, model: Model) -> Codes:
    """The posterior of every sample of a split.  Raises TrialError where one is not finite."""
    inputs = inputs_of(features)
    return codes_of(batches(inputs, torch.arange(len(inputs)), size=BATCH), features.y, model)


def codes_of(inputs: Iterable[Tensor], y: NDArray[np.int64], model: Model) -> Codes:
    """The posteriors of batches of inputs (B, ...), with the labels (N,) of all of them."""
    parts = [model.posterior(batch) for batch in inputs]
    mean = torch.cat([mean for mean, _ in parts])
    deviation = (torch.cat([log_variance for _, log_variance in parts]) / 2).exp()
    if not (mean.isfinite().all() and deviation.isfinite().all()):
        raise TrialError("the encoder's posterior is not finite", DIVERGED)
    return Codes(mean, deviation, torch.tensor(y))


def pass_accuracies(train: Features, embedded: Embedded, passes: int, seed: int, classify: Classify) -> list[float]:
    """The accuracy of each pass over the test split, of a classifier fitted to one draw of the training codes."""
    generator = torch.Generator().manual_seed(seed)
    train_codes = posteriors(train, model_of(embedded)).all(generator)
    test_codes = posteriors(embedded.test, model_of(embedded))
    return classify(train_codes, draws(test_codes, passes, generator))


def draws(codes: Codes, passes: int, generator: torch.Generator) -> Iterator[Features]:
    """A new draw of all codes for each pass."""
    for _ in range(passes):
        yield codes.all(generator)


def error_rates(accuracies: Sequence[float]) -> dict[str, float]:
    """The mean error rate of several accuracies, and the sample standard deviation (0 for a single one)."""
    rates = 1 - np.asarray(accuracies)
    deviation = float(rates.std(ddof=1)) if len(rates) > 1 else 0.0
    return {"error_rate": float(rates.mean()), "error_rate_std": deviation}

"""How many nats do the features tell of the labels?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.network import check_finite, outputs, perceptron, shuffled
from ablate.probes.probe import Embedded, Features, Metrics, Probe

LAST = 10  # epochs whose bounds are averaged
PAIRINGS = 16  # products of marginals that each kept sample stands in, for the measured bound


@dataclass(frozen=True)
class Information(Probe):
    """I(Z; Y) ≥ E_joint[T] − log E_marginals[exp T], the bound raised over a network T (Belghazi et al. 2018, MINE).

    `information` is measured on judged samples kept from the fit, where it is a bound; `fitted_information` is what the
    network reached on those it was fitted to, as a training curve would show it: it counts what T has memorized.
    """

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, MINE"
    metrics: ClassVar[Metrics] = {"information": "maximize", "fitted_information": "maximize"}

    about: Literal["labels", "targets"] = option("labels", "Y: one-hot labels, or the data set's continuous targets")
    kept: float = option(0.2, "share of the judged samples that the bound is measured on", above=0, below=1)
    width: int = option(128, "units in each of the two hidden layers", least=1)
    epochs: int = option(200, "passes over the fitted samples; the bounds of the last 10 are averaged", least=1)
    batch_size: int = option(512, "samples in a step", least=2)
    learning_rate: float = option(1e-4, "step size of Adam", above=0)
    rate: float = option(0.01, "rate of the moving average that corrects the gradient's bias", above=0, most=1)

    def check(self, info: DataInfo) -> None:
        if self.about == "labels":
            super().check(info)
        elif info.targets < 1:
            raise StudyError("there are no targets to be informed of", "set about to labels, or use msi or celeba")
        kept = int(self.kept * info.evaluation)
        if min(kept, info.evaluation - kept) < 2:
            raise StudyError(f"{info.evaluation} samples are too few to fit and to measure on", "use more data")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        z, y = doubles(embedded.evaluation.x), self.wanted(embedded.evaluation)
        generator = torch.Generator().manual_seed(seed)
        kept, fitted = self.split(len(z), generator)
        z, y = standardized(z, fitted), standardized(y, fitted) if self.about == "targets" else y
        last = list(self.bounds(torch.cat([z, y], dim=1), z.shape[1], (kept, fitted), generator, embedded))[-LAST:]
        measured, reached = np.mean(last, axis=0)
        return {"information": float(measured), "fitted_information": float(reached)}

    def wanted(self, features: Features) -> Tensor:
        """What is to be known of each sample (N, T)."""
        if self.about == "labels":
            return one_hot(torch.tensor(np.unique(features.y, return_inverse=True)[1])).double()
        assert features.targets is not None, "checked before"
        return doubles(features.targets)

    def split(self, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Positions of the samples that are kept, and of those to fit on."""
        order = torch.randperm(samples, generator=generator)
        kept = int(self.kept * samples)
        return order[:kept], order[kept:]

    def bounds(
        self, pairs: Tensor, features: int, parts: tuple[Tensor, Tensor], generator: torch.Generator, embedded: Embedded
    ) -> Iterator[tuple[float, float]]:
        """The bound on the kept and on the fitted samples of pairs (N, D + T), after each epoch."""
        kept, fitted = (pairs[rows].float() for rows in parts)
        network = perceptron((pairs.shape[1], self.width, self.width, 1), generator)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        ascent = Ascent(network, optimizer, features, self.rate)
        for epoch in range(1, self.epochs + 1):
            reached = ascent.epoch(fitted, shuffled(len(fitted), self.batch_size, generator), generator)
            check_finite(network, "MINE network", fitted)
            embedded.tell(epoch / self.epochs)
            measured = measured_bound(network, kept, features) if epoch > self.epochs - LAST else float("nan")
            yield measured, reached


class Ascent:
    """Raises the bound, step by step; remembers the moving average of E_marginals[exp T] (its logarithm)."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, features: int, rate: float) -> None:
        self.network = network
        self.optimizer = optimizer
        self.features = features  # columns of z in a pair
        self.rate = rate
        self.average: Tensor | None = None

    def epoch(self, pairs: Tensor, batches: Sequence[Tensor], generator: torch.Generator) -> float:
        """One step on each batch of positions; the bound over the whole epoch."""
        said = [self.step(pairs[rows], generator) for rows in batches]
        return bound(torch.cat([joint for joint, _ in said]), torch.cat([product for _, product in said]))

    def step(self, pairs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """T of the pairs (B,) and of as many pairs with Y permuted, before the step."""
        permuted = paired(pairs, torch.randperm(len(pairs), generator=generator), self.features)
        joint, product = self.network(torch.cat([pairs, permuted])).squeeze(1).chunk(2)
        loss = (product - self.averaged(product.detach())).exp().mean() - joint.mean()  # its gradient is eq. 12's
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return joint.detach(), product.detach()

    def averaged(self, product: Tensor) -> Tensor:
        """log of the moving average of E[exp T], this batch in it."""
        now = log_mean_exp(product)
        weight = torch.tensor(self.rate)
        before = now if self.average is None else self.average
        self.average = torch.logaddexp(before + (1 - weight).log(), now + weight.log())
        return self.average


def measured_bound(network: nn.Module, pairs: Tensor, features: int) -> float:
    """The bound on pairs (N, D + T), with the products of marginals made by shifting Y."""
    rows = torch.arange(len(pairs))
    shifts = range(1, min(PAIRINGS, len(pairs) - 1) + 1)
    products = [outputs(network, paired(pairs, rows.roll(shift), features)) for shift in shifts]
    return bound(outputs(network, pairs), torch.cat(products))


def paired(pairs: Tensor, rows: Tensor, features: int) -> Tensor:
    """Pairs (B, D + T) → every z with the y of another row."""
    return torch.cat([pairs[:, :features], pairs[rows, features:]], dim=1)


def bound(joint: Tensor, product: Tensor) -> float:
    """E_joint[T] − log E_marginals[exp T] (Donsker and Varadhan 1983)."""
    return (joint.double().mean() - log_mean_exp(product.double())).item()


def log_mean_exp(values: Tensor) -> Tensor:
    """The logarithm of the mean of exp over all values."""
    return values.flatten().logsumexp(dim=0) - log(values.numel())


def doubles(values: NDArray[np.float32]) -> Tensor:
    """The values in double precision, where squares of large ones are finite."""
    return torch.tensor(values, dtype=torch.float64)


def standardized(values: Tensor, rows: Tensor) -> Tensor:
    """Values (N, D) to mean 0 and standard deviation 1 over some rows; what is constant there to 0."""
    mean = values[rows].mean(dim=0)
    deviation = (values[rows] - mean).square().mean(dim=0).sqrt()
    varies = deviation > 1e-12 * mean.abs()  # else it is rounding
    return (values - mean) / torch.where(varies, deviation, torch.inf)

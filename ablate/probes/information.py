"""Mutual information of features and labels or targets, by MINE (Belghazi et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, ClassVar, Literal

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, np, torch
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.network import check_finite, outputs, perceptron, shuffled
from ablate.probes.probe import Embedded, Features, Metrics, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LAST = 10  # epochs whose bounds are averaged
SHIFTS = 16  # shifts of Y against Z that give the samples of the product of marginals, for the held-out bound


@dataclass(frozen=True)
class Information(Probe):
    """I(Z; Y) ≥ E_joint[T] − log E_marginals[exp T], maximized over a network T (Belghazi et al. 2018, MINE).

    `information` is measured on evaluation samples that are held out of the fit, where it is a lower bound.
    `fitted_information` is the value on the samples that T was fitted to, as a training curve shows it; it includes
    what T has memorized.  Where nothing is held out, it is the only score.
    """

    source: ClassVar[str] = "Ntelemis, Jin and Thomas 2022, arXiv:2202.06914, MINE"
    metrics: ClassVar[Metrics] = {"information": "maximize", "fitted_information": "maximize"}

    variable: Literal["labels", "targets"] = option(
        "labels", "Y: one-hot labels, or the data set's continuous targets", former="about"
    )
    held_out_fraction: float = option(
        0.2,
        "fraction of the evaluation split that the bound is measured on; 0: all is fitted, as in the paper",
        least=0,
        below=1,
        former="kept",
    )
    width: int = option(128, "units in each of the two hidden layers", least=1)
    epochs: int = option(200, "passes over the fitted samples; the bounds of the last 10 are averaged", least=1)
    batch_size: int = option(512, "samples in a step", least=2)
    learning_rate: float = option(1e-4, "step size of Adam", above=0)
    moving_average_rate: float = option(
        0.01,
        "weight of the current batch in the moving average that corrects the gradient's bias",
        above=0,
        most=1,
        former="rate",
    )

    def check(self, info: DataInfo) -> None:
        if self.variable == "labels":
            super().check(info)
        elif info.targets < 1:
            raise StudyError(
                "this probe needs targets, and there are none", "set variable to labels, or use msi or celeba"
            )
        held_out = int(self.held_out_fraction * info.evaluation)
        measured = held_out if self.held_out_fraction > 0 else info.evaluation
        if min(measured, info.evaluation - held_out) < 2:
            raise StudyError(f"{info.evaluation} samples are too few to fit and to measure on", "use more data")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        z, y = doubles(embedded.evaluation.x), self.values(embedded.evaluation)
        generator = torch.Generator().manual_seed(seed)
        held_out, fitted = self.split(len(z), generator)
        z, y = standardized(z, fitted), standardized(y, fitted) if self.variable == "targets" else y
        pairs = torch.cat([z, y], dim=1)
        bounds = list(self.bounds(pairs, z.shape[1], (held_out, fitted), generator, embedded))
        measured, reached = np.mean(bounds[-LAST:], axis=0)
        fitted_alone = {"fitted_information": float(reached)}
        return {"information": float(measured), **fitted_alone} if len(held_out) else fitted_alone

    def values(self, features: Features) -> Tensor:
        """The values (N, T) of Y."""
        if self.variable == "labels":
            return F.one_hot(torch.tensor(np.unique(features.y, return_inverse=True)[1])).double()
        assert features.targets is not None, "checked before"
        return doubles(features.targets)

    def split(self, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Random positions of the samples that are held out, and of those that T is fitted to."""
        order = torch.randperm(samples, generator=generator)
        held_out = int(self.held_out_fraction * samples)
        return order[:held_out], order[held_out:]

    def bounds(
        self, pairs: Tensor, features: int, parts: tuple[Tensor, Tensor], generator: torch.Generator, embedded: Embedded
    ) -> Iterator[tuple[float, float]]:
        """The bounds on the held-out and on the fitted samples of pairs (N, D + T), after each epoch."""
        held_out, fitted = (pairs[rows].float() for rows in parts)
        network = perceptron((pairs.shape[1], self.width, self.width, 1), generator)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        ascent = Ascent(network, optimizer, features, self.moving_average_rate)
        for epoch in range(1, self.epochs + 1):
            reached = ascent.epoch(fitted, shuffled(len(fitted), self.batch_size, generator), generator)
            check_finite(network.parameters(), "MINE network", fitted)
            embedded.report_progress(epoch / self.epochs)
            averaged = epoch > self.epochs - LAST and len(held_out) > 0
            yield held_out_bound(network, held_out, features) if averaged else float("nan"), reached


class Ascent:
    """Gradient ascent on the bound; its state is the logarithm of the moving average of E_marginals[exp T]."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, features: int, rate: float) -> None:
        self.network = network
        self.optimizer = optimizer
        self.features = features  # columns of z in a pair
        self.rate = rate
        self.average: Tensor | None = None

    def epoch(self, pairs: Tensor, batches: Sequence[Tensor], generator: torch.Generator) -> float:
        """Take a step on each batch of positions (B,) in pairs (N, D + T); the bound over the whole epoch."""
        values = [self.step(pairs[rows], generator) for rows in batches]
        return bound(torch.cat([joint for joint, _ in values]), torch.cat([product for _, product in values]))

    def step(self, pairs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Take a step; T of the pairs (B,), and of as many pairs with Y permuted, before the step."""
        permuted = paired(pairs, torch.randperm(len(pairs), generator=generator), self.features)
        joint, product = self.network(torch.cat([pairs, permuted])).squeeze(1).chunk(2)
        loss = (product - self.averaged(product.detach())).exp().mean() - joint.mean()  # its gradient is eq. 12's
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return joint.detach(), product.detach()

    def averaged(self, product: Tensor) -> Tensor:
        """Update the moving average of E[exp T] by a batch; its logarithm."""
        current = log_mean_exp(product)
        weight = torch.tensor(self.rate)
        previous = current if self.average is None else self.average
        self.average = torch.logaddexp(previous + (1 - weight).log(), current + weight.log())
        return self.average


def held_out_bound(network: nn.Module, pairs: Tensor, features: int) -> float:
    """The bound on pairs (N, D + T); shifting Y against Z gives the samples of the product of marginals."""
    rows = torch.arange(len(pairs))
    shifts = range(1, min(SHIFTS, len(pairs) - 1) + 1)
    products = [outputs(network, paired(pairs, rows.roll(shift), features)) for shift in shifts]
    return bound(outputs(network, pairs), torch.cat(products))


def paired(pairs: Tensor, rows: Tensor, features: int) -> Tensor:
    """Pairs (B, D + T) → pairs of the same z, each with the y of another row; `features` is D."""
    return torch.cat([pairs[:, :features], pairs[rows, features:]], dim=1)


def bound(joint: Tensor, product: Tensor) -> float:
    """E_joint[T] − log E_marginals[exp T] (Donsker and Varadhan 1983), of the values of T on samples of both."""
    return (joint.double().mean() - log_mean_exp(product.double())).item()


def log_mean_exp(values: Tensor) -> Tensor:
    """The logarithm of the mean of exp over all values."""
    return values.flatten().logsumexp(dim=0) - log(values.numel())


def doubles(values: NDArray[np.float32]) -> Tensor:
    """The values in double precision, in which the squares of large float32 values are finite."""
    return torch.tensor(values, dtype=torch.float64)


def standardized(values: Tensor, rows: Tensor) -> Tensor:
    """Values (N, D), scaled to mean 0 and deviation 1 over `rows`; columns that are constant there become 0."""
    mean = values[rows].mean(dim=0)
    deviation = (values[rows] - mean).square().mean(dim=0).sqrt()
    varies = deviation > 1e-12 * mean.abs()  # a smaller deviation is rounding error
    return (values - mean) / torch.where(varies, deviation, torch.inf)

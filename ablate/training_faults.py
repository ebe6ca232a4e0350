"""Faults of a training whose numbers are all finite: embeddings that have collapsed, and a loss that has diverged.

The spread and the effective rank of the embeddings are metrics of every trial.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ablate.deferred import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"

STD, RELATIVE_STD, EFFECTIVE_RANK = "embedding/std", "embedding/relative_std", "embedding/effective_rank"
EMBEDDING_METRICS = (STD, RELATIVE_STD, EFFECTIVE_RANK)
# 1 or 0, of trained encoders; the mean over seeds is the share of those.  `train/` is for curves, which are drawn.
COLLAPSED, DIVERGED = "embedding/collapsed", "training/diverged"

SAMPLES = 10_000  # at most, evenly spaced over the split: enough for the spectrum of some thousand dimensions
# On digits, VICReg without its variance and covariance terms falls to 0.047 in 20 epochs and 0.002 in 60; trained
# methods stay above 0.09 (CR-VAE and beta-VAE after 5 epochs of 400 samples, with 0.66 and 0.7 by nearest neighbours;
# MoCo 0.13 after 6; CPC, SimVAE and AVT 0.24 to 0.69 after 3 to 12), and an encoder of random weights has 0.2
# (perceptron) to 0.36 (ResNet).
CONSTANT = 0.05  # relative_std below which embeddings count as one point
LINE = 1.05  # effective_rank below which embeddings count as a line: the other directions hold 1 % of the spread

LEAST_EPOCHS = 5  # with fewer, a rise cannot be distinguished from noise
# The rise of a diverged loss, as a share of its fall and of its size.  On digits, all methods with a loss that measures
# the same in every epoch stay below 0.4, at learning rates of 1e-3 and 1; at 1e-12, where nothing is learned and the
# fall is noise, they rise by up to 0.3 of their size (Barlow Twins).
FAR = 0.5
# embedding/std above which training counts as diverged whatever its loss: with a learning rate of 10 on digits, the
# loss of Barlow Twins explodes within the first epoch and shows no rise, and the embeddings of it and of an autoencoder
# reach 3e10 to 6e10; those of trained methods are of the order of 1, as an encoder's of random weights
HUGE = 1e6


def spread(embeddings: NDArray[np.float32]) -> dict[str, float]:
    """The metrics of embeddings (N, D) by their full names; none of fewer than two.

    - `embedding/std`: mean over dimensions of the standard deviation (Bardes, Ponce and LeCun 2022, VICReg, eq. 1).
    - `embedding/relative_std`: √(Σⱼ Var zⱼ / E‖z‖²), 1 for centred embeddings and 0 for constant ones, at any scale.
      Chen and He (2021, SimSiam, section 4.1) divide each embedding by its length for that, and multiply the standard
      deviation by √D, which does not work in one dimension.
    - `embedding/effective_rank`: exp of the entropy of the normalized singular values of the centred embeddings (Roy
      and Vetterli 2007, EUSIPCO): D where they spread equally in all directions, 1 on a line, 0 for a constant.
    """
    if len(embeddings) < 2:
        return {}
    x = embeddings[:: -(-len(embeddings) // SAMPLES)].astype(np.float64)
    largest = np.abs(x).max(initial=0.0) or 1.0  # scaled, so that no square overflows or underflows
    scaled = x / largest
    centred = scaled - scaled.mean(0)
    variance, square = centred.var(0), np.square(scaled).sum(1).mean()
    relative = float(np.sqrt(variance.sum() / square)) if square > 0 else 0.0
    rank = effective_rank(centred)
    return {STD: float(np.sqrt(variance).mean() * largest), RELATIVE_STD: relative, EFFECTIVE_RANK: rank}


def effective_rank(rows: Array) -> float:
    """Exp of the entropy of the normalized singular values of rows (N, D); 0 where all are 0."""
    gram = rows.T @ rows if rows.shape[0] >= rows.shape[1] else rows @ rows.T
    singular = np.sqrt(np.linalg.eigvalsh(gram).clip(0))
    if singular.sum() == 0:
        return 0.0
    shares = singular / singular.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def collapsed(metrics: Mapping[str, float], dimensions: int) -> dict[str, float]:
    """`embedding/collapsed` of the metrics of a trained encoder: 1 where it has collapsed, else 0.

    An encoder has collapsed where it maps all inputs to nearly one point, or to a line in three dimensions or more.
    """
    if RELATIVE_STD not in metrics:
        return {}
    line = dimensions > 2 and metrics[EFFECTIVE_RANK] < LINE
    return {COLLAPSED: float(metrics[RELATIVE_STD] < CONSTANT or line)}


def diverged(losses: Sequence[float]) -> dict[str, float]:
    """`training/diverged` of a loss per epoch, from the first on: 1 where it ends far above its lowest value, else 0.

    The loss of the end is the median of the last tenth of the epochs, so that one bad epoch is no divergence.  Its rise
    is compared with the fall from the first epoch to the lowest, which a later peak does not enlarge, and with the size
    of both.  Only for losses that measure the same in every epoch (`Method.comparable_loss`).
    """
    if len(losses) < LEAST_EPOCHS:
        return {}
    first, lowest, end = losses[0], min(losses), statistics.median(losses[-max(1, len(losses) // 10) :])
    return {DIVERGED: float(end - lowest > FAR * max(first - lowest, abs(first), abs(lowest)))}


def exploded(metrics: Mapping[str, float]) -> dict[str, float]:
    """`training/diverged` as 1 where, by its metrics, a trained encoder has embeddings of a huge size; else nothing."""
    return {DIVERGED: 1.0} if metrics.get(STD, 0.0) > HUGE else {}


def warnings_of(metrics: Mapping[str, float]) -> tuple[str, ...]:
    """A sentence for each fault of training that is in the metrics of a trial."""
    found = (collapse_warning(metrics), divergence_warning(metrics))
    return tuple(warning for warning in found if warning)


def collapse_warning(metrics: Mapping[str, float]) -> str:
    """A warning where, by the metrics of a trial, its embeddings have collapsed; else empty."""
    if metrics.get(COLLAPSED) != 1:
        return ""
    deviation, relative, rank = (metrics.get(name, 0.0) for name in (STD, RELATIVE_STD, EFFECTIVE_RANK))
    found = (
        f"their standard deviation is {deviation:.2g}, {relative:.2%} of their length"
        if relative < CONSTANT
        else f"they lie on a line, with an effective rank of {rank:.3g}"
    )
    return f"the embeddings have collapsed: {found}; check the weights of the loss and the learning rate"


def divergence_warning(metrics: Mapping[str, float]) -> str:
    """A warning where, by the metrics of a trial, its training has diverged; else empty."""
    if metrics.get(DIVERGED) != 1:
        return ""
    if metrics.get(STD, 0.0) > HUGE:
        found = f"the embeddings have a standard deviation of {metrics[STD]:.2g}"
    else:
        found = "the loss ends far above its lowest value"
    return f"training has diverged: {found}; lower the learning rate"

"""Whether an encoder has collapsed: the spread and the effective rank of its embeddings, measured for every trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from ablate.deferred import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"

STD, RELATIVE_STD, EFFECTIVE_RANK = "embedding/std", "embedding/relative_std", "embedding/effective_rank"
COLLAPSED = "embedding/collapsed"  # 1 or 0, of trained encoders; its mean over seeds is the share of those

SAMPLES = 10_000  # at most, evenly spaced over the split: enough for the spectrum of some thousand dimensions
# On digits, VICReg without its variance and covariance terms falls to 0.047 in 20 epochs and 0.002 in 60; trained
# methods stay above 0.13 (MoCo after 6 epochs), and an encoder of random weights has 0.2 (perceptron) to 0.36 (ResNet).
CONSTANT = 0.05  # relative_std below which embeddings count as one point
LINE = 1.05  # effective_rank below which embeddings count as a line: the other directions hold 1 % of the spread


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


def collapse_warning(metrics: Mapping[str, float]) -> str:
    """A warning where the metrics of a trial say that its embeddings have collapsed; else nothing."""
    if metrics.get(COLLAPSED) != 1:
        return ""
    deviation, relative, rank = (metrics.get(name, 0.0) for name in (STD, RELATIVE_STD, EFFECTIVE_RANK))
    found = (
        f"their standard deviation is {deviation:.2g}, {relative:.2%} of their length"
        if relative < CONSTANT
        else f"they lie on a line, with an effective rank of {rank:.3g}"
    )
    return f"the embeddings have collapsed: {found}; check the weights of the loss and the learning rate"

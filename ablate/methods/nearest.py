"""The nearest points of inputs, the same for any number of threads: points at equal distance are ordered by index.

Libraries leave the order of tied distances open, and it depends on how they divide the work among threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 512  # inputs compared at a time: with 10,000 points, a few matrices of 40 MB
TIED = 1e-10  # differences below this share of the squared coordinates are rounding errors of a matrix product


def nearest(points: Tensor, inputs: Tensor, count: int, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Distances (B, count) from inputs (B, D) to their nearest points among (N, D), and the points' indices.

    The nearest come first.  `own` (B,): the indices of points that are the inputs themselves and do not count.
    """
    centre = points.double().mean(0)  # distances are those of centred points, whose squares round less
    centred = points - centre
    parts = inputs.split(ROWS)
    left_out = [None] * len(parts) if own is None else own.split(ROWS)
    found = [among(centred, part - centre, count, out) for part, out in zip(parts, left_out, strict=True)]
    return torch.cat([lengths for lengths, _ in found]).to(inputs), torch.cat([index for _, index in found])


def among(points: Tensor, inputs: Tensor, count: int, own: Tensor | None) -> tuple[Tensor, Tensor]:
    """`nearest` in double precision, of few inputs."""
    squares = inputs.square().sum(1)
    ranks = points.square().sum(1) - 2 * inputs @ points.T  # squared distances less those of the inputs
    if own is not None:
        ranks[torch.arange(len(own), device=own.device), own] = torch.inf
    last = ranks.topk(count, largest=False).values[:, -1]
    tolerance = TIED * (squares.sqrt() + (squares + last).clamp(min=0).sqrt()).square()
    nearer = ranks < (last - tolerance)[:, None]
    tied = (ranks <= (last + tolerance)[:, None]) & ~nearer
    left = count - nearer.sum(1, keepdim=True)
    index = (nearer | tied & (tied.cumsum(1) <= left)).nonzero()[:, 1].view(-1, count)
    lengths = torch.linalg.vector_norm(points[index] - inputs[:, None], dim=2)
    order = lengths.float().sort(dim=1, stable=True).indices  # in single precision: rounding does not order ties
    return lengths.gather(1, order), index.gather(1, order)

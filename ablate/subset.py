"""Class-balanced subsets, the same for every caller."""

import torch
from torch import Tensor

from ablate.errors import StudyError

SUBSET_SEED = 42  # of the studies: the same points for every trial


def balanced(labels: Tensor, count: int, seed: int) -> Tensor:
    """The positions (count,), ascending, of a class-balanced subset of the points with labels (N,) that are not -1.

    A smaller subset of the same seed is part of a larger one.  Classes differ by one point at most, except that the
    others stand in for a class that has no more.  Raises StudyError where there are not so many points.
    """
    labelled = torch.nonzero(labels >= 0)[:, 0]
    if not 0 < count <= len(labelled):
        raise StudyError(f"{count} points cannot be drawn from {len(labelled)} labelled ones", "draw fewer, at least 1")
    generator = torch.Generator().manual_seed(seed)
    known = labels[labelled]
    turn = torch.empty_like(known)  # one point of every class is drawn, then a second of every class, …
    for label in known.unique():
        members = known == label
        turn[members] = torch.randperm(int(members.sum()), generator=generator)
    drawn = (turn * (known.max() + 1) + known).argsort()
    return labelled[drawn[:count]].sort().values

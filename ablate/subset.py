"""Class-balanced subsets of labelled samples, nested and determined by a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.deferred import torch
from ablate.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor

SUBSET_SEED = 42  # the same subset for every trial


def training_rows(seen: Tensor, labels: Tensor, samples: int) -> Tensor:
    """The positions that training sees: all in the mask `seen` (N,), or a class-balanced subset of so many of them."""
    rows = seen.nonzero().squeeze(1)
    return rows[balanced_subset(labels[rows].clamp(min=0), samples, SUBSET_SEED)] if samples else rows


def validation_rows(seen: Tensor, labels: Tensor, samples: int) -> Tensor:
    """The positions in the mask `seen` (N,) that `training_rows` leaves out."""
    left_out = seen.clone()
    left_out[training_rows(seen, labels, samples)] = False
    return left_out.nonzero().squeeze(1)


def balanced_subset(labels: Tensor, count: int, seed: int) -> Tensor:
    """The ascending positions (count,) of a class-balanced subset of the samples whose labels (N,) are not -1.

    Classes differ by one sample at most, except where a class is exhausted: then the others fill the subset.  A smaller
    subset of the same seed is part of a larger one.  Raises StudyError where there are not so many samples.
    """
    labelled = torch.nonzero(labels >= 0)[:, 0]
    if not 0 < count <= len(labelled):
        raise StudyError(
            f"{count} samples cannot be drawn from {len(labelled)} labelled ones", "draw fewer, at least 1"
        )
    generator = torch.Generator().manual_seed(seed)
    labels = labels[labelled]
    rank = torch.empty_like(labels)  # random within each class; samples are taken by rank, then by class
    for label in labels.unique():
        members = labels == label
        rank[members] = torch.randperm(int(members.sum()), generator=generator)
    drawn = (rank * (labels.max() + 1) + labels).argsort()
    return labelled[drawn[:count]].sort().values

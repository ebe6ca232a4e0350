"""Label-limited training: class-balanced subsets of the training split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ablate.data_info import DataInfo
from ablate.deferred import np, torch
from ablate.errors import StudyError
from ablate.probes.probe import Features
from ablate.subset import SUBSET_SEED, balanced_subset

if TYPE_CHECKING:
    from numpy.typing import NDArray


def labelled(features: Features, count: int | None) -> Features:
    """A class-balanced subset of `count` samples, the same for every trial; all samples where `count` is None."""
    if count is None or count == len(features.y):
        return features
    return take(features, balanced_subset(torch.from_numpy(features.y), count, SUBSET_SEED).numpy())


def take(features: Features, rows: NDArray[np.int64]) -> Features:
    """The samples at positions (M,), with their labels, targets and inputs."""
    targets = None if features.targets is None else features.targets[rows]
    inputs = features.inputs and replace(features.inputs, rows=features.inputs.rows[torch.from_numpy(rows)])
    return Features(features.x[rows], features.y[rows], targets, inputs)


def check_labels(count: int | None, info: DataInfo) -> None:
    """Raise StudyError for more labels than there are training samples, or fewer than one per class."""
    if count is not None and not info.classes <= count <= info.probed:
        raise StudyError(
            f"{count} labels of {info.classes} classes cannot be taken from {info.probed} training samples",
            f"set labels to {info.classes} at least and {info.probed} at most, or leave it out for all",
        )

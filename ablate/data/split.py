"""A fixed train-test split for data sets that are published without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def held_out(y: Tensor) -> Tensor:
    """Mask (N,) of the test points for labels (N,): a fifth of the points, stratified by class, drawn with seed 0."""
    from sklearn.model_selection import train_test_split

    labels = y.numpy()
    _, chosen = train_test_split(range(len(labels)), test_size=0.2, random_state=0, stratify=labels)
    test = torch.zeros(len(labels), dtype=torch.bool)
    test[chosen] = True
    return test

"""The held-out points of the sets that come without a split of their own."""

import torch
from torch import Tensor


def held_out(y: Tensor) -> Tensor:
    """Mask (N,) of a fixed fifth of the points, the same share of every class (seed 0)."""
    from sklearn.model_selection import train_test_split

    labels = y.numpy()
    _, chosen = train_test_split(range(len(labels)), test_size=0.2, random_state=0, stratify=labels)
    test = torch.zeros(len(labels), dtype=torch.bool)
    test[chosen] = True
    return test

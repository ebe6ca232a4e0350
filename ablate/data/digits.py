"""Handwritten digits of 8 × 8 pixels, included in scikit-learn."""

from __future__ import annotations

from pathlib import Path

from ablate.data.dataset import Data, Dataset
from ablate.data.split import held_out
from ablate.deferred import torch


class Digits(Dataset):
    """8 × 8 grey images with pixel values 0 to 16, scaled to 0 to 1; a fifth of each class is held out."""

    source = "Alpaydin and Kaynak 1998, Optical recognition of handwritten digits (UCI), as scikit-learn ships it"
    description = "1797 handwritten digits of 8 × 8 pixels, 10 classes; needs no download"
    shape = (1, 8, 8)
    classes = 10
    samples = 1437

    def read(self, folder: Path) -> Data:
        from sklearn.datasets import load_digits

        digits = load_digits()
        x = torch.from_numpy(digits.images).to(torch.uint8).unsqueeze(1)
        y = torch.from_numpy(digits.target).long()
        return Data(x, y, held_out(y), scale=1 / 16, training_split="train")

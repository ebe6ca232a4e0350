"""The pixel values and the split of scikit-learn's digits."""

from pathlib import Path

import torch

from ablate.data import DATASETS
from ablate.data.digits import Digits


def test_pixels_are_0_to_16_and_scaled_to_0_to_1() -> None:
    data = Digits().read(Path())
    assert data.x.shape == (1797, 1, 8, 8)
    assert data.x.dtype == torch.uint8
    assert (int(data.x.min()), int(data.x.max())) == (0, 16)
    assert (data.x * data.scale).max() == 1


def test_the_first_digit_has_the_label_and_pixels_of_the_uci_file() -> None:
    data = Digits().read(Path())
    assert data.y[0] == 0
    assert data.x[0, 0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_a_fifth_of_every_digit_is_held_out() -> None:
    data = Digits().read(Path())
    assert int(data.test.sum()) == 360
    # a fifth of each class, rounded to a whole image: 35.6 of the 178 zeros
    share = torch.bincount(data.y[data.test]) / torch.bincount(data.y)
    assert ((share - 0.2).abs() < 1 / 174).all()


def test_training_sees_the_other_points_and_evaluation_uses_the_held_out_ones() -> None:
    data = Digits().read(Path())
    assert int(data.seen.sum()) == 1437
    assert torch.equal(data.evaluation, data.test)


def test_digits_are_registered_by_name() -> None:
    assert DATASETS["digits"] is Digits

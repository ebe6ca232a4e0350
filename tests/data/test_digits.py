from pathlib import Path

import torch

from ablate.data import DATASETS
from ablate.data.digits import Digits


def test_digits_are_seventeen_greys_that_scale_to_one() -> None:
    data = Digits().read(Path())
    assert data.x.shape == (1797, 1, 8, 8)
    assert data.x.dtype == torch.uint8
    assert (int(data.x.min()), int(data.x.max())) == (0, 16)
    assert (data.x * data.scale).max() == 1


def test_the_first_digit_is_a_zero_with_the_pixels_of_the_uci_file() -> None:
    data = Digits().read(Path())
    assert data.y[0] == 0
    assert data.x[0, 0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_a_fifth_of_every_digit_is_held_out() -> None:
    data = Digits().read(Path())
    assert int(data.test.sum()) == 360
    # of each class a fifth, rounded to a whole image: 178 zeros give 35.6
    share = torch.bincount(data.y[data.test]) / torch.bincount(data.y)
    assert ((share - 0.2).abs() < 1 / 174).all()


def test_training_sees_the_rest_and_measures_look_at_the_held_out() -> None:
    data = Digits().read(Path())
    assert int(data.seen.sum()) == Digits.samples == 1437
    assert torch.equal(data.evaluation, data.test)


def test_two_readings_hold_out_the_same_digits() -> None:
    assert torch.equal(Digits().read(Path()).test, Digits().read(Path()).test)


def test_digits_are_registered_by_name() -> None:
    assert DATASETS["digits"] is Digits

"""Which points training, probes and measures look at."""

from typing import Literal

import pytest
import torch

from ablate.data.dataset import Data

LABELS = [0, -1, 1, -1, 1]  # the third and the last are held out


def data(learns_from: Literal["train", "unlabelled", "all"], labels: list[int]) -> Data:
    test = torch.tensor([False, False, True, False, True])
    return Data(torch.zeros(5, 2), torch.tensor(labels), test, 1.0, learns_from)


@pytest.mark.parametrize(
    ("learns_from", "seen", "evaluation"),
    [
        ("train", [1, 1, 0, 1, 0], [0, 0, 1, 0, 1]),
        ("unlabelled", [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]),
        ("all", [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]),
    ],
)
def test_a_set_says_whom_it_learns_from(
    learns_from: Literal["train", "unlabelled", "all"], seen: list[int], evaluation: list[int]
) -> None:
    points = data(learns_from, LABELS)
    assert points.seen.int().tolist() == seen
    assert points.evaluation.int().tolist() == evaluation
    assert points.probed.int().tolist() == [1, 0, 0, 0, 0]


def test_probes_fit_on_all_training_points_where_none_has_a_label() -> None:
    assert data("all", [-1] * 5).probed.int().tolist() == [1, 1, 0, 1, 0]

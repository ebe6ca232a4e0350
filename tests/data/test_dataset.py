"""The points that training, probes and measures without labels use."""

from typing import Literal

import pytest
import torch

from ablate.data.dataset import Data

LABELS = [0, -1, 1, -1, 1]  # the third and the last point are held out


def data(training_split: Literal["train", "unlabelled", "all"], labels: list[int]) -> Data:
    test = torch.tensor([False, False, True, False, True])
    return Data(torch.zeros(5, 2), torch.tensor(labels), test, 1.0, training_split)


@pytest.mark.parametrize(
    ("training_split", "seen", "evaluation"),
    [
        ("train", [1, 1, 0, 1, 0], [0, 0, 1, 0, 1]),
        ("unlabelled", [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]),
        ("all", [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]),
    ],
)
def test_the_training_split_selects_the_points_of_training_and_evaluation(
    training_split: Literal["train", "unlabelled", "all"], seen: list[int], evaluation: list[int]
) -> None:
    points = data(training_split, LABELS)
    assert points.seen.int().tolist() == seen
    assert points.evaluation.int().tolist() == evaluation
    assert points.probed.int().tolist() == [1, 0, 0, 0, 0]


def test_probes_are_fitted_on_all_training_points_where_none_has_a_label() -> None:
    assert data("all", [-1] * 5).probed.int().tolist() == [1, 1, 0, 1, 0]

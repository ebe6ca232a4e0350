"""Pareto fronts worked by hand, and hypervolumes against those of Optuna."""

import random

import numpy as np
import pytest
from optuna._hypervolume import compute_hypervolume

from ablate.stats.pareto import front, hypervolume, hypervolumes


def test_the_front_holds_the_points_that_no_other_dominates() -> None:
    points = [(1, 4), (2, 2), (3, 3), (4, 1), (2, 5)]
    assert front(points) == [0, 1, 3]
    assert front([(1, 1), (1, 1)]) == [0, 1]  # equals do not dominate each other


def test_the_hypervolume_of_two_points_is_the_area_of_two_rectangles() -> None:
    assert hypervolume([(1, 2), (2, 1)], (3, 3)) == 3  # 2 · 1 + 1 · 2 − 1 · 1
    assert hypervolume([(4, 0)], (3, 3)) == 0
    assert hypervolumes([(1, 2), (2, 1), (3, 3)]) == [2, 3, 3]


@pytest.mark.parametrize("objectives", [2, 3])
def test_hypervolumes_are_those_of_optuna(objectives: int) -> None:
    draw = random.Random(objectives)
    points = [tuple(draw.random() for _ in range(objectives)) for _ in range(12)]
    reference = (0.9,) * objectives
    inside = np.array([point for point in points if max(point) < 0.9])
    assert hypervolume(points, reference) == pytest.approx(compute_hypervolume(inside, np.array(reference)))

"""Least squares, calculated by hand."""

import numpy as np
import pytest

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.probe import Embedded, Features
from ablate.probes.regression import Regression


def view(x: list[list[float]], targets: list[list[float]]) -> Features:
    return Features(np.array(x, np.float32), np.zeros(len(x), np.int64), np.array(targets, np.float32))


def scores(evaluation: Features, train: Features | None = None, held_out: bool = False) -> dict[str, float]:
    return Regression(held_out).score(Embedded(train or evaluation, evaluation, evaluation), seed=0)


def test_residuals_are_summed_over_samples_and_targets() -> None:
    # through (0, 0), (1, 1), (2, 0) the best line is 1/3: residuals −1/3, 2/3, −1/3; then three times that
    split = view([[0], [1], [2]], [[0, 0], [1, 3], [0, 0]])
    assert scores(split) == pytest.approx({"rss": 2 / 3 + 9 * 2 / 3, "r2": 0.0}, abs=1e-9)


def test_linear_targets_have_no_residuals() -> None:
    split = view([[0, 1], [1, 5], [2, 2], [7, 3]], [[3], [5], [7], [17]])  # 2 x + 3
    assert scores(split) == pytest.approx({"rss": 0.0, "r2": 1.0}, abs=1e-9)


def test_held_out_fits_the_training_split() -> None:
    train, evaluation = view([[0], [1]], [[0], [1]]), view([[0], [1]], [[1], [2]])
    assert scores(evaluation, train)["rss"] == pytest.approx(0.0, abs=1e-9)
    assert scores(evaluation, train, held_out=True) == pytest.approx({"rss": 2.0, "r2": 1 - 2 / 0.5})


def test_features_may_be_constant_or_huge() -> None:
    targets = [[0.0], [2.0]]
    assert scores(view([[3], [3]], targets)) == pytest.approx({"rss": 2.0, "r2": 0.0})
    assert scores(view([[1e30], [3e30]], targets))["rss"] == pytest.approx(0.0, abs=1e-9)


def test_data_without_targets_are_refused() -> None:
    with pytest.raises(StudyError, match="needs continuous targets, and there are none; choose a data set"):
        Regression().check(DataInfo(probed=10, evaluation=10, classes=10))
    Regression().check(DataInfo(probed=10, evaluation=10, classes=0, targets=3))

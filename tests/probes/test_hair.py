"""The hair colour probe on synthetic faces: selection of samples, training, and errors."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.hair import COLOURS, Hair, hair_colour
from ablate.probes.probe import Embedded, Features


def hair(*columns: int) -> NDArray[np.float32]:
    """The attributes (40,) of a face, of which these columns are 1."""
    row = np.zeros(40, np.float32)
    row[list(columns)] = 1.0
    return row


def test_a_hair_colour_is_the_only_one_of_five_attributes() -> None:
    faces = np.stack([hair(4), hair(8, 0), hair(9, 39), hair(11), hair(17), hair(8, 11), hair(0, 20)])
    assert hair_colour(faces).tolist() == [0, 1, 2, 3, 4, -1, -1]


def faces(samples: int, seed: int) -> Features:
    """Features that equal the hair colour; a third of the samples have two colours and random features."""
    generator = np.random.default_rng(seed)
    colour = generator.integers(0, 5, samples)
    targets = np.stack([hair(COLOURS[one]) for one in colour])
    x = np.eye(5, dtype=np.float32)[colour]
    targets[::3, 8] = targets[::3, 9] = 1.0
    x[::3] = generator.normal(size=(len(x[::3]), 5))
    return Features(x, np.zeros(samples, np.int64), targets)


def test_samples_with_exactly_one_colour_are_classified() -> None:
    view = Embedded(faces(150, 0), faces(60, 1), faces(60, 1))
    scores = Hair(epochs=30, batch_size=20, learning_rate=0.02).score(view, seed=0)
    assert scores == {"accuracy": 1.0, "train_accuracy": 1.0, "highest_accuracy": 1.0}


def test_data_without_a_sample_of_one_colour_are_refused() -> None:
    bare = Features(np.zeros((4, 2), np.float32), np.zeros(4, np.int64), np.zeros((4, 40), np.float32))
    with pytest.raises(StudyError, match="no sample has exactly one hair colour"):
        Hair().score(Embedded(bare, bare, bare), seed=0)


@pytest.mark.parametrize("targets", [0, 3])
def test_data_without_the_attributes_of_celeba_are_refused(targets: int) -> None:
    with pytest.raises(
        StudyError, match=f"needs CelebA's 40 attributes, and there are {targets} targets; choose celeba"
    ):
        Hair().check(DataInfo(probed=10, evaluation=10, classes=2, targets=targets))

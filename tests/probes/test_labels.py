"""Subsets of samples, and their numbers of labels."""

import numpy as np
import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.labels import check_labels, labelled, take
from ablate.probes.probe import Features, Inputs


def test_taken_samples_keep_their_labels_targets_and_inputs() -> None:
    inputs = Inputs(torch.arange(20.0)[:, None], torch.arange(10, 20), 2.0)
    features = Features(np.arange(10.0, dtype=np.float32)[:, None], np.arange(10), np.ones((10, 3), np.float32), inputs)
    some = take(features, np.array([3, 7]))
    assert some.x.tolist() == [[3.0], [7.0]]
    assert some.y.tolist() == [3, 7]
    assert some.targets is not None
    assert some.targets.shape == (2, 3)
    assert some.inputs is not None
    assert some.inputs.batch(torch.tensor([1])).tolist() == [[34.0]]  # the eighth of rows 10 … 19, times 2
    assert labelled(features, None) is features


def test_numbers_of_labels_below_the_classes_or_above_the_samples_are_refused() -> None:
    message = "60000 labels of 10 classes cannot be taken from 50000 training samples; set labels to 10 at least"
    with pytest.raises(StudyError, match=message):
        check_labels(60000, DataInfo(probed=50000, evaluation=10, classes=10))
    with pytest.raises(StudyError, match="9 labels of 10 classes"):
        check_labels(9, DataInfo(probed=50000, evaluation=10, classes=10))
    check_labels(50000, DataInfo(probed=50000, evaluation=10, classes=10))
    check_labels(None, DataInfo(probed=5, evaluation=10, classes=10))

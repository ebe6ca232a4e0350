"""Class-balanced subsets."""

from itertools import pairwise

import pytest
import torch

from ablate.errors import StudyError
from ablate.subset import balanced_subset, training_rows, validation_rows

LABELS = torch.tensor([0, 1, 2] * 20 + [-1] * 7)


@pytest.mark.parametrize("count", [3, 15, 60])
def test_a_subset_holds_equally_many_samples_of_every_class(count: int) -> None:
    chosen = balanced_subset(LABELS, count, seed=42)
    assert len(set(chosen.tolist())) == count
    assert torch.bincount(LABELS[chosen]).tolist() == [count // 3] * 3


def test_the_first_classes_get_the_remainder() -> None:
    assert torch.bincount(LABELS[balanced_subset(LABELS, 11, seed=42)]).tolist() == [4, 4, 3]


def test_validation_samples_are_those_that_training_leaves_out() -> None:
    seen = torch.arange(67) % 2 == 0
    trained, left_out = training_rows(seen, LABELS, 20), validation_rows(seen, LABELS, 20)
    assert len(trained) == 20
    assert sorted([*trained.tolist(), *left_out.tolist()]) == list(range(0, 67, 2))
    assert len(validation_rows(seen, LABELS, 0)) == 0


def test_positions_are_ascending() -> None:
    chosen = balanced_subset(LABELS, 15, seed=42)
    assert torch.equal(chosen, chosen.sort().values)


def test_the_seed_determines_the_subset() -> None:
    assert torch.equal(balanced_subset(LABELS, 15, seed=42), balanced_subset(LABELS, 15, seed=42))
    assert not torch.equal(balanced_subset(LABELS, 15, seed=42), balanced_subset(LABELS, 15, seed=43))


def test_subsets_of_one_seed_are_nested() -> None:
    chosen = [set(balanced_subset(LABELS, count, seed=42).tolist()) for count in (1, 2, 7, 30, 59)]
    assert all(small < large for small, large in pairwise(chosen))


def test_other_classes_replace_one_that_is_exhausted() -> None:
    labels = torch.tensor([0] * 10 + [1] * 2 + [5] * 10)
    assert torch.bincount(labels[balanced_subset(labels, 12, seed=0)]).tolist() == [5, 2, 0, 0, 0, 5]


@pytest.mark.parametrize("count", [0, -1, 61])
def test_a_count_below_one_or_above_the_labelled_samples_is_refused(count: int) -> None:
    with pytest.raises(StudyError, match=f"^{count} samples cannot be drawn from 60 labelled ones; draw fewer"):
        balanced_subset(LABELS, count, seed=42)


def test_the_subset_of_seed_42_is_unchanged() -> None:
    labels = torch.arange(10).repeat(5)  # finished trials used this subset: after a change they are not comparable
    assert balanced_subset(labels, 10, seed=42).tolist() == [2, 3, 4, 8, 26, 27, 30, 35, 41, 49]

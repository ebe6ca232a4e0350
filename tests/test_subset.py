from itertools import pairwise

import pytest
import torch

from ablate.errors import StudyError
from ablate.subset import balanced

LABELS = torch.tensor([0, 1, 2] * 20 + [-1] * 7)


@pytest.mark.parametrize("count", [3, 15, 60])
def test_a_subset_holds_as_many_points_of_every_class(count: int) -> None:
    chosen = balanced(LABELS, count, seed=42)
    assert len(set(chosen.tolist())) == count
    assert torch.bincount(LABELS[chosen]).tolist() == [count // 3] * 3


def test_a_remainder_goes_to_the_first_classes() -> None:
    assert torch.bincount(LABELS[balanced(LABELS, 11, seed=42)]).tolist() == [4, 4, 3]


def test_positions_come_in_the_order_of_the_set() -> None:
    chosen = balanced(LABELS, 15, seed=42)
    assert torch.equal(chosen, chosen.sort().values)


def test_a_seed_draws_the_same_subset_and_another_seed_another_one() -> None:
    assert torch.equal(balanced(LABELS, 15, seed=42), balanced(LABELS, 15, seed=42))
    assert not torch.equal(balanced(LABELS, 15, seed=42), balanced(LABELS, 15, seed=43))


def test_a_smaller_subset_is_part_of_a_larger_one() -> None:
    chosen = [set(balanced(LABELS, count, seed=42).tolist()) for count in (1, 2, 7, 30, 59)]
    assert all(small < large for small, large in pairwise(chosen))


def test_other_classes_stand_in_for_one_that_has_no_more() -> None:
    labels = torch.tensor([0] * 10 + [1] * 2 + [5] * 10)
    assert torch.bincount(labels[balanced(labels, 12, seed=0)]).tolist() == [5, 2, 0, 0, 0, 5]


@pytest.mark.parametrize("count", [0, -1, 61])
def test_more_points_than_there_are_cannot_be_drawn(count: int) -> None:
    with pytest.raises(StudyError, match=f"^{count} points cannot be drawn from 60 labelled ones; draw fewer"):
        balanced(LABELS, count, seed=42)


def test_the_subset_of_seed_42_is_the_one_that_studies_were_run_on() -> None:
    labels = torch.arange(10).repeat(5)  # a change here makes finished trials incomparable
    assert balanced(labels, 10, seed=42).tolist() == [2, 3, 4, 8, 26, 27, 30, 35, 41, 49]

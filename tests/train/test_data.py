"""Batches and their order."""

import torch

from ablate.data_info import DataInfo
from ablate.train.data import TrainingSet, generator, order

BYTES = TrainingSet(
    torch.tensor([[0, 51], [102, 153], [204, 255]], dtype=torch.uint8), torch.tensor([2, 0, 1]), 1 / 255
)


def test_a_batch_is_gathered_and_scaled() -> None:
    batch = BYTES.batch(torch.tensor([2, 0]))
    torch.testing.assert_close(batch["input"], torch.tensor([[0.8, 1.0], [0.0, 0.2]]))
    assert batch["label"].tolist() == [1, 2]
    assert batch["index"].tolist() == [2, 0]


def test_a_pack_gathers_a_batch_for_each_member() -> None:
    batch = BYTES.batch(torch.tensor([[2, 0], [1, 1]]))
    assert batch["input"].shape == (2, 2, 2)
    torch.testing.assert_close(batch["input"][1], torch.tensor([[0.4, 0.6], [0.4, 0.6]]))
    assert batch["label"].tolist() == [[1, 2], [0, 0]]


def test_floats_stay_as_precise_as_they_are() -> None:
    data = TrainingSet(torch.rand(3, 2, dtype=torch.float64), torch.zeros(3, dtype=torch.int64), 1.0)
    assert torch.equal(data.batch(torch.arange(3))["input"], data.inputs)


def test_facts_tell_shape_size_and_classes() -> None:
    assert BYTES.info(2) == DataInfo(shape=(2,), samples=3, classes=3, batch_size=2)


def test_each_epoch_has_its_own_permutation_and_each_seed_its_own_order() -> None:
    orders = [order(seed, epoch, 50) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(permutation.tolist()) == list(range(50)) for permutation in orders)
    assert len({tuple(permutation.tolist()) for permutation in orders}) == 4
    assert torch.equal(order(1, 1, 50), orders[3])


def test_seeds_and_purposes_have_streams_of_their_own() -> None:
    pairs = [(seed, purpose) for seed in (0, 1, 2**40) for purpose in ("noise", "parameters")]
    firsts = {torch.rand((), generator=generator(*pair)).item() for pair in pairs}
    assert len(firsts) == 6

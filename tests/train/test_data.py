"""Batches of the training set, the order of epochs, and seeded generators."""

import torch

from ablate.data_info import DataInfo
from ablate.train.data import TrainingSet, epoch_permutation, seeded_generator

BYTES = TrainingSet(
    torch.tensor([[0, 51], [102, 153], [204, 255]], dtype=torch.uint8), torch.tensor([2, 0, 1]), 1 / 255
)


def test_a_batch_holds_the_scaled_inputs_at_its_index() -> None:
    batch = BYTES.batch(torch.tensor([2, 0]))
    torch.testing.assert_close(batch["input"], torch.tensor([[0.8, 1.0], [0.0, 0.2]]))
    assert batch["label"].tolist() == [1, 2]
    assert batch["index"].tolist() == [2, 0]


def test_an_index_of_two_dimensions_gives_a_batch_per_member() -> None:
    batch = BYTES.batch(torch.tensor([[2, 0], [1, 1]]))
    assert batch["input"].shape == (2, 2, 2)
    torch.testing.assert_close(batch["input"][1], torch.tensor([[0.4, 0.6], [0.4, 0.6]]))
    assert batch["label"].tolist() == [[1, 2], [0, 0]]


def test_float_inputs_keep_their_precision() -> None:
    data = TrainingSet(torch.rand(3, 2, dtype=torch.float64), torch.zeros(3, dtype=torch.int64), 1.0)
    assert torch.equal(data.batch(torch.arange(3))["input"], data.inputs)


def test_info_holds_shape_samples_classes_and_batch_size() -> None:
    assert BYTES.info(2) == DataInfo(shape=(2,), samples=3, classes=3, batch_size=2)


def test_epochs_and_seeds_have_different_permutations() -> None:
    permutations = [epoch_permutation(seed, epoch, 50) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(permutation.tolist()) == list(range(50)) for permutation in permutations)
    assert len({tuple(permutation.tolist()) for permutation in permutations}) == 4
    assert torch.equal(epoch_permutation(1, 1, 50), permutations[3])


def test_seeds_and_purposes_have_different_streams() -> None:
    pairs = [(seed, purpose) for seed in (0, 1, 2**40) for purpose in ("noise", "parameters")]
    firsts = {torch.rand((), generator=seeded_generator(*pair)).item() for pair in pairs}
    assert len(firsts) == 6

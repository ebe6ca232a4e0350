"""The linear layer, by hand and against torch's own Adam."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from ablate.errors import TrialError
from ablate.probes.linear import Linear, accuracy
from ablate.probes.probe import Embedded, Features

Draw = Callable[[int, int], Features]


def test_one_step_of_adam_moves_each_weight_by_the_learning_rate() -> None:
    layer = torch.zeros(2, 2)  # logits 0, probabilities 1/2: gradient x (p − y) = 3 (−1/2, 1/2) and 1 (−1/2, 1/2)
    Linear(learning_rate=0.1).descend(layer, [(torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, 0.0]]))])
    torch.testing.assert_close(layer, torch.tensor([[0.1, -0.1], [0.1, -0.1]]))


def test_training_is_what_torch_would_do() -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [(torch.randn(8, 4, generator=generator), torch.randint(3, (8,), generator=generator)) for _ in range(60)]
    start = torch.randn(4, 3, generator=generator)
    ours, theirs = start.clone(), start.clone().requires_grad_()
    Linear(learning_rate=0.02).descend(ours, [(x, one_hot(y, 3).float()) for x, y in batches])
    adam = torch.optim.Adam([theirs], lr=0.02)
    for x, y in batches:
        (theirs.grad,) = torch.autograd.grad(cross_entropy(x @ theirs, y), [theirs])
        adam.step()
    torch.testing.assert_close(ours, theirs.detach())


def test_each_epoch_sees_every_sample_once_in_an_order_of_its_own() -> None:
    numbers = torch.arange(7.0)[:, None]
    batches = list(Linear(epochs=3, batch_size=3).batches(numbers, numbers, torch.Generator().manual_seed(0)))
    assert [len(x) for x, _ in batches] == [3, 3, 1] * 3
    assert all(torch.equal(x, y) for x, y in batches)
    epochs = [torch.cat([x for x, _ in batches[start : start + 3]]).flatten().tolist() for start in (0, 3, 6)]
    assert all(sorted(epoch) == numbers.flatten().tolist() for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_largest_logit_counts() -> None:
    layer = torch.tensor([[1.0, -1.0], [0.0, 0.5]])  # logits x and 1/2 − x, equal at x = 1/4
    x = np.array([[0.0], [0.2], [0.3], [9.0]], np.float32)  # predicted 1, 1, 0, 0
    assert accuracy(layer, Features(x, np.array([1, 0, 0, 0]))) == 0.75


def test_the_test_split_is_no_part_of_the_fit(draw: Draw) -> None:
    train, test = draw(150, 0), draw(90, 1)
    turned = Features(test.x, (test.y + 1) % 3)
    probe = Linear(epochs=20, batch_size=16, learning_rate=0.01)
    scores = probe.score(Embedded(train, turned, turned), seed=0)
    assert scores == {"accuracy": 0.0, "train_accuracy": 1.0}


def test_features_are_not_rescaled(draw: Draw) -> None:
    train, probe = draw(150, 0), Linear(epochs=20, batch_size=16, learning_rate=0.01)
    tiny = Features(train.x * np.float32(1e-6), train.y)  # too small to outweigh a bias
    assert probe.score(Embedded(train, train, train), seed=0)["accuracy"] == 1.0
    assert probe.score(Embedded(tiny, tiny, tiny), seed=0)["accuracy"] == 1 / 3


def test_seeds_start_and_shuffle_differently(draw: Draw) -> None:
    train, probe = draw(60, 0), Linear(epochs=1)
    assert torch.equal(probe.fit(train, seed=0), probe.fit(train, seed=0))
    assert not torch.equal(probe.fit(train, seed=0), probe.fit(train, seed=1))


def test_a_fit_beyond_all_numbers_says_so() -> None:
    huge = Features(np.array([[3e38, 3e38], [-3e38, 3e38]] * 4, np.float32), np.array([0, 1] * 4))
    with pytest.raises(TrialError, match="linear probe diverged on features as large as 3e\\+38; lower"):
        Linear().score(Embedded(huge, huge, huge), seed=0)

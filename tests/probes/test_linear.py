"""The linear layer: calculated by hand, and compared with torch's optimizers."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from ablate.data.dataset import Data
from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.labels import labelled
from ablate.probes.linear import Adam, Linear, Nesterov, accuracy, cross_entropy_gradient
from ablate.probes.probe import Embedded, Features, Inputs, Model
from ablate.run import training_set

Draw = Callable[[int, int], Features]


def view_of(features: Features) -> Embedded:
    return Embedded(features, features, features)


def fitted(probe: Linear, train: Features, seed: int) -> torch.Tensor:
    return [layer.clone() for layer in probe.fit(view_of(train), seed)][-1]


def test_one_step_of_adam_moves_each_weight_by_the_learning_rate() -> None:
    layer = torch.zeros(2, 2)  # logits 0, probabilities 1/2: gradient x (p − y) = 3 (−1/2, 1/2) and 1 (−1/2, 1/2)
    slope = cross_entropy_gradient(layer, torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    assert slope.tolist() == [[-1.5, 1.5], [-0.5, 0.5]]
    Adam()(layer, slope, 0.1)
    torch.testing.assert_close(layer, torch.tensor([[0.1, -0.1], [0.1, -0.1]]))


def test_a_nesterov_step_adds_the_next_momentum() -> None:
    layer, step = torch.zeros(1), Nesterov(0.5)
    step(layer, torch.tensor([1.0]), 0.1)  # v = 1, moves by 1 + 0.5
    assert layer.item() == pytest.approx(-0.15)
    step(layer, torch.tensor([1.0]), 0.1)  # v = 1.5, moves by 1 + 0.75
    assert layer.item() == pytest.approx(-0.325)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_training_equals_training_by_torchs_optimizers(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [(torch.randn(8, 4, generator=generator), torch.randint(3, (8,), generator=generator)) for _ in range(60)]
    ours = torch.randn(4, 3, generator=generator)
    theirs = ours.clone().requires_grad_()
    step: Nesterov | Adam = Adam() if name == "adam" else Nesterov(0.9)
    torchs: torch.optim.Optimizer = torch.optim.Adam([theirs], lr=0.02)
    if name == "sgd":
        torchs = torch.optim.SGD([theirs], lr=0.02, momentum=0.9, nesterov=True)
    for x, y in batches:
        step(ours, cross_entropy_gradient(ours, x, one_hot(y, 3).float()), 0.02)
        (theirs.grad,) = torch.autograd.grad(cross_entropy(x @ theirs, y), [theirs])
        torchs.step()
    torch.testing.assert_close(ours, theirs.detach())


def test_the_learning_rate_scales_with_the_batch_and_decays_by_a_cosine() -> None:
    probe = Linear(learning_rate=0.1, batch_size=512, reference_batch=256, schedule="cosine")
    # 0.2 (1 + cos(π t / 4)) / 2 for t = 0 … 3
    assert list(probe.learning_rates(4)) == pytest.approx([0.2, 0.1 + 0.1 * 0.5**0.5, 0.1, 0.1 - 0.1 * 0.5**0.5])
    assert list(Linear(learning_rate=0.1, batch_size=512).learning_rates(2)) == [0.1, 0.1]


def test_every_epoch_has_every_sample_once_in_a_new_order() -> None:
    numbers, generator = torch.arange(7.0)[:, None], torch.Generator().manual_seed(0)
    epochs = [list(Linear(batch_size=3).batches(numbers, numbers, generator)) for _ in range(2)]
    assert all([len(x) for x, _ in batches] == [3, 3, 1] for batches in epochs)
    assert all(torch.equal(x, y) for batches in epochs for x, y in batches)
    orders = [torch.cat([x for x, _ in batches]).flatten().tolist() for batches in epochs]
    assert all(sorted(order) == numbers.flatten().tolist() for order in orders)
    assert orders[0] != orders[1]


def test_accuracy_is_of_the_largest_logit() -> None:
    layer = torch.tensor([[1.0, -1.0], [0.0, 0.5]])  # logits x and 1/2 − x, equal at x = 1/4
    x = np.array([[0.0], [0.2], [0.3], [9.0]], np.float32)  # predicted 1, 1, 0, 0
    assert accuracy(layer, Features(x, np.array([1, 0, 0, 0]))) == 0.75


def test_the_layer_is_not_fitted_to_the_test_split(draw: Draw) -> None:
    train, test = draw(150, 0), draw(90, 1)
    shifted = Features(test.x, (test.y + 1) % 3)
    probe = Linear(epochs=20, batch_size=16, learning_rate=0.01)
    scores = probe.score(Embedded(train, shifted, shifted), seed=0)
    assert (scores["accuracy"], scores["train_accuracy"]) == (0.0, 1.0)


def test_features_are_not_rescaled(draw: Draw) -> None:
    train, probe = draw(150, 0), Linear(epochs=20, batch_size=16, learning_rate=0.01)
    tiny = Features(train.x * np.float32(1e-6), train.y)  # too small to outweigh a bias
    assert probe.score(Embedded(train, train, train), seed=0)["accuracy"] == 1.0
    assert probe.score(Embedded(tiny, tiny, tiny), seed=0)["accuracy"] == 1 / 3


def test_the_seed_determines_the_layer(draw: Draw) -> None:
    train, probe = draw(60, 0), Linear(epochs=1)
    assert torch.equal(fitted(probe, train, seed=0), fitted(probe, train, seed=0))
    assert not torch.equal(fitted(probe, train, seed=0), fitted(probe, train, seed=1))


def test_a_diverged_fit_is_an_error() -> None:
    huge = Features(np.array([[3e38, 3e38], [-3e38, 3e38]] * 4, np.float32), np.array([0, 1] * 4))
    with pytest.raises(TrialError, match="linear probe diverged on features as large as 3e\\+38; lower"):
        Linear().score(Embedded(huge, huge, huge), seed=0)


def test_the_highest_accuracy_is_that_of_the_best_epoch(draw: Draw) -> None:
    train, test, shares = draw(150, 0), draw(90, 1), list[float]()
    probe = Linear(epochs=4, batch_size=50, learning_rate=0.001)
    view = Embedded(train, test, test, report_progress=shares.append)
    accuracies = [accuracy(layer, test) for layer in probe.fit(view, seed=0)]
    assert probe.score(view, seed=0)["highest_accuracy"] == max(accuracies)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_sgd_with_a_cosine_schedule_classifies_separated_classes(separated: Embedded) -> None:
    probe = Linear(epochs=20, batch_size=16, optimizer="sgd", learning_rate=0.1, reference_batch=256, schedule="cosine")
    assert probe.score(separated, seed=0)["accuracy"] == 1.0


class Doubling:
    """An encoder whose features are the pixels of the image, times two."""

    def can(self, capability: object) -> bool:
        return False

    def embed(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * inputs[:, 0].reshape(len(inputs), -1)


def test_one_sigmoid_of_two_classes_follows_the_gradient_of_its_cross_entropy() -> None:
    """Logit 0 of class 1: x (σ(0) − 1) = −x / 2."""
    slope = cross_entropy_gradient(torch.zeros(2, 1), torch.tensor([[3.0, 1.0]]), torch.ones(1, 1))
    assert slope.tolist() == [[-1.5], [-0.5]]


def test_two_classes_are_separated_by_one_sigmoid(draw: Draw) -> None:
    three = draw(150, 0)
    two = Features(three.x[three.y < 2], three.y[three.y < 2])
    probe = Linear(epochs=20, learning_rate=0.1, binary="sigmoid")
    assert fitted(probe, two, 0).shape == (4, 1)
    assert probe.score(view_of(two), seed=0)["accuracy"] == 1.0
    assert fitted(probe, three, 0).shape == (4, 3)


def test_the_layer_is_trained_on_as_many_samples_as_labels(draw: Draw) -> None:
    split = draw(150, 0)
    on_few = Linear(epochs=3).score(Embedded(labelled(split, 9), split, split), seed=0)
    assert Linear(epochs=3, labels=9).score(view_of(split), seed=0) == on_few
    with pytest.raises(StudyError, match="151 labels of 3 classes cannot be taken from 150 training samples"):
        Linear(labels=151).score(view_of(split), seed=0)


def test_the_labelled_samples_are_those_that_training_saw() -> None:
    """AAVAE trains encoder and classifier on the same 45000 of 50000 images."""
    y = torch.arange(50) % 5
    split = Features(np.arange(50, dtype=np.float32)[:, None], y.numpy())
    data = Data(torch.arange(50)[:, None].float(), y, torch.zeros(50, dtype=torch.bool), 1.0, "train")
    assert labelled(split, 45).x.ravel().tolist() == training_set(data, 45).inputs.ravel().tolist()


def test_augmented_images_are_encoded_in_every_epoch() -> None:
    images = torch.zeros(6, 1, 2, 2)
    images[:, :, 0, 0] = 0.5  # flipped, it is at the right
    features = Features(np.zeros((6, 4), np.float32), np.array([0, 1] * 3), None, Inputs(images, torch.arange(6), 1.0))
    view = replace(view_of(features), model=cast(Model, Doubling()))
    first = Linear(augmentation="resized-crop-flip").augmented(view, torch.Generator().manual_seed(0))
    second = Linear(augmentation="resized-crop-flip").augmented(view, torch.Generator().manual_seed(1))
    assert first.shape == (6, 5)
    assert first[:, 4].eq(1).all()
    assert not torch.equal(first, second)
    plain = Linear(augmentation="normalized-cifar10").augmented(view, torch.Generator())  # the encoder normalizes
    assert plain[0].tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]


def test_an_unknown_augmentation_is_refused() -> None:
    with pytest.raises(StudyError, match="no augmentation is called 'crop-flop'; did you mean 'crop-flip'"):
        Linear(augmentation="crop-flop").check(DataInfo(probed=100, evaluation=100, classes=10))

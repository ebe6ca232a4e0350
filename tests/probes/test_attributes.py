"""Prediction of attributes: a linear one, one that needs a hidden layer, and a random one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.attributes import Attributes, cross_entropy, digest_of
from ablate.probes.bank import Bank
from ablate.probes.network import perceptron
from ablate.probes.probe import Embedded, Features

QUICK = Attributes(epochs=30, batch_size=20, learning_rate=0.02)


def split(samples: int, seed: int) -> Features:
    """Points in a plane with three attributes: x > 0, x y > 0, and a random one."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(0.2, 1.0, size=(samples, 2)) * generator.choice([-1, 1], size=(samples, 2))
    random = generator.integers(0, 2, samples)
    targets = np.stack([x[:, 0] > 0, x[:, 0] * x[:, 1] > 0, random], axis=1)
    x = np.concatenate([x, x[:, :1] + x[:, 1:], x[:, :1] - x[:, 1:]], axis=1)  # four features: four hidden units
    return Features(x.astype(np.float32), (x[:, 1] > 0).astype(np.int64), targets.astype(np.float32))


def embedded(train: int = 200, test: int = 100) -> Embedded:
    held_out = split(test, seed=1)
    return Embedded(split(train, seed=0), held_out, held_out)


def test_the_accuracy_is_the_mean_over_the_attributes() -> None:
    right = QUICK.pictures(embedded(), seed=0)["attributes"].values[:, 0]
    assert right[0] == 1.0
    assert right[1] > 0.95  # not linearly separable
    assert abs(right[2] - 0.5) < 4 * 0.05  # four standard deviations of the mean of 100
    assert QUICK.score(embedded(), seed=0)["accuracy"] == pytest.approx(right.mean())


def test_the_highest_accuracy_averages_each_attribute_at_its_best_epoch() -> None:
    right = QUICK.trained_accuracies(embedded(), seed=0)
    assert right.shape == (30, 3)
    best = sum(max(right[:, column]) for column in range(3)) / 3
    assert QUICK.score(embedded(), seed=0)["highest_accuracy"] == pytest.approx(best)
    assert best > right.mean(axis=1).max()  # not all at one epoch


@pytest.mark.parametrize("column", [0, 1, 2])
def test_training_attributes_together_equals_training_each_alone(column: int) -> None:
    together = QUICK.trained_accuracies(embedded(), seed=3)
    alone = replace(QUICK, columns=str(column)).trained_accuracies(embedded(), seed=3)
    one_sample = 0.011  # of the hundred, which rounding may change
    np.testing.assert_allclose(alone[:, 0], together[:, column], atol=one_sample)


def test_selected_columns_are_named_by_their_positions_in_the_picture() -> None:
    picture = replace(QUICK, columns="2, 0").pictures(embedded(), seed=0)["attributes"]
    assert picture.rows == ("attribute 2", "attribute 0")
    assert picture.columns == ("accuracy",)
    assert (picture.low, picture.high) == (0.0, 1.0)


@pytest.mark.parametrize("columns", ["3", "-1", "0,,1", "", "bald"])
def test_columns_that_do_not_exist_are_refused(columns: str) -> None:
    with pytest.raises(StudyError, match=f"columns '{columns}' are not numbers of the targets 0 to 2"):
        Attributes(columns=columns).check(DataInfo(probed=10, evaluation=10, classes=2, targets=3))


def test_every_network_of_a_bank_equals_the_perceptron_it_copies() -> None:
    generator = torch.Generator().manual_seed(0)
    network = perceptron((4, 4, 1), generator)
    x = torch.randn(5, 4, generator=generator)
    torch.testing.assert_close(Bank(network, 3)(x), network(x).expand(5, 3))


def test_networks_of_a_bank_share_no_parameters() -> None:
    bank = Bank(perceptron((4, 4, 1), torch.Generator().manual_seed(0)), 2)
    bank(torch.ones(5, 4))[:, 1].sum().backward()
    for parameter in bank.parameters():
        assert parameter.grad is not None
        first, second = parameter.grad.chunk(2)
        assert not first.any()
        assert second.any()


def test_cross_entropy_is_averaged_over_samples_and_summed_over_networks() -> None:
    logits = torch.tensor([[0.0, 0.0], [0.0, 1.0]]).log1p()  # 0 but for log 2, a probability of 2/3
    answers = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = (np.log(2) + np.log(2)) / 2 + (np.log(2) + np.log(3 / 2)) / 2
    assert cross_entropy(logits, answers).item() == pytest.approx(expected)


def test_a_label_with_two_classes_is_trained_as_an_attribute() -> None:
    probe = replace(QUICK, task="label")
    view = embedded()
    train, test = (replace(part, targets=part.y[:, None].astype(np.float32)) for part in (view.train, view.test))
    assert probe.score(view, seed=0) == QUICK.score(Embedded(train, test, test), seed=0)
    assert probe.score(view, seed=0)["accuracy"] > 0.95


def test_a_label_with_more_classes_has_one_output_per_class(separated: Embedded, permuted: Embedded) -> None:
    probe = replace(QUICK, task="label")
    assert probe.score(separated, seed=0)["accuracy"] == 1.0
    assert probe.score(permuted, seed=0)["accuracy"] < 1 / 3 + 4 * (2 / 9 / 240) ** 0.5


def test_scores_and_picture_share_one_training() -> None:
    shares: list[float] = []
    view = replace(embedded(), report_progress=shares.append)
    QUICK.score(view, seed=11)
    assert shares == pytest.approx([epoch / 30 for epoch in range(1, 31)])
    QUICK.pictures(replace(view), seed=11)
    assert len(shares) == 30
    QUICK.score(view, seed=12)
    assert len(shares) == 60


def test_the_digest_changes_with_the_targets() -> None:
    view = embedded()
    assert digest_of(view) == digest_of(embedded())
    other = replace(view.train, targets=1 - np.asarray(view.train.targets))
    assert digest_of(replace(view, train=other)) != digest_of(view)
    assert digest_of(replace(view, train=replace(view.train, targets=None))) != digest_of(view)


def test_targets_that_are_not_binary_are_refused() -> None:
    continuous = Features(np.ones((4, 2), np.float32), np.zeros(4, np.int64), np.full((4, 3), 0.5, np.float32))
    with pytest.raises(StudyError, match="the targets are not all 0 or 1; use the probe regression"):
        QUICK.score(Embedded(continuous, continuous, continuous), seed=0)


def test_a_diverged_training_is_an_error() -> None:
    view = embedded()
    huge = replace(view.train, x=view.train.x * np.float32(1e38))
    with pytest.raises(TrialError, match="the attributes probe diverged on features as large as"):
        Attributes(epochs=2, learning_rate=1e30).score(Embedded(huge, view.test, view.evaluation), seed=0)


def test_data_without_attributes_are_refused() -> None:
    with pytest.raises(StudyError, match="this probe needs attributes, and there are 0 targets; choose celeba"):
        Attributes().check(DataInfo(probed=10, evaluation=10, classes=2, targets=0))


def test_labels_are_needed_only_for_the_task_label() -> None:
    Attributes().check(DataInfo(probed=10, evaluation=10, classes=0, targets=40))
    with pytest.raises(StudyError, match="needs labels of two classes or more"):
        Attributes(task="label").check(DataInfo(probed=10, evaluation=10, classes=0, targets=40))

"""Attributes that can be read, and those that cannot."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.attributes import Attributes, Bank, digest, entropy
from ablate.probes.network import perceptron
from ablate.probes.probe import Embedded, Features

QUICK = Attributes(epochs=30, batch_size=20, learning_rate=0.02)


def split(samples: int, seed: int) -> Features:
    """Attributes of points in a plane: right of the origin, in the first or third quadrant, and the toss of a coin."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(0.2, 1.0, size=(samples, 2)) * generator.choice([-1, 1], size=(samples, 2))
    chance = generator.integers(0, 2, samples)
    targets = np.stack([x[:, 0] > 0, x[:, 0] * x[:, 1] > 0, chance], axis=1)
    x = np.concatenate([x, x[:, :1] + x[:, 1:], x[:, :1] - x[:, 1:]], axis=1)  # as wide as the hidden layer should be
    return Features(x.astype(np.float32), (x[:, 1] > 0).astype(np.int64), targets.astype(np.float32))


def embedded(train: int = 200, test: int = 100) -> Embedded:
    held_out = split(test, seed=1)
    return Embedded(split(train, seed=0), held_out, held_out)


def test_the_accuracy_is_the_mean_over_the_attributes() -> None:
    right = QUICK.pictures(embedded(), seed=0)["attributes"].values[:, 0]
    assert right[0] == 1.0
    assert right[1] > 0.95  # no straight line reads it
    assert abs(right[2] - 0.5) < 4 * 0.05  # a coin: four standard deviations of the mean of 100
    assert QUICK.score(embedded(), seed=0)["accuracy"] == pytest.approx(right.mean())


def test_the_highest_accuracy_is_that_of_each_attribute_at_its_best_epoch() -> None:
    right = QUICK.learned(embedded(), seed=0)
    assert right.shape == (30, 3)
    best = sum(max(right[:, column]) for column in range(3)) / 3
    assert QUICK.score(embedded(), seed=0)["highest_accuracy"] == pytest.approx(best)
    assert best > right.mean(axis=1).max()  # not all at one epoch


@pytest.mark.parametrize("column", [0, 1, 2])
def test_an_attribute_is_learned_as_if_it_were_alone(column: int) -> None:
    together = QUICK.learned(embedded(), seed=3)
    alone = replace(QUICK, columns=str(column)).learned(embedded(), seed=3)
    np.testing.assert_allclose(alone[:, 0], together[:, column], atol=0.011)  # one sample of the hundred may round


def test_chosen_columns_keep_their_numbers() -> None:
    picture = replace(QUICK, columns="2, 0").pictures(embedded(), seed=0)["attributes"]
    assert picture.rows == ("attribute 2", "attribute 0")
    assert picture.columns == ("accuracy",)
    assert (picture.low, picture.high) == (0.0, 1.0)


@pytest.mark.parametrize("columns", ["3", "-1", "0,,1", "", "bald"])
def test_columns_that_are_not_there_are_refused(columns: str) -> None:
    with pytest.raises(StudyError, match=f"columns '{columns}' are not numbers of the targets 0 to 2"):
        Attributes(columns=columns).check(DataInfo(probed=10, evaluation=10, classes=2, targets=3))


def test_networks_of_a_bank_are_the_perceptron_they_are_copied_from() -> None:
    generator = torch.Generator().manual_seed(0)
    network = perceptron((4, 4, 1), generator)
    x = torch.randn(5, 4, generator=generator)
    torch.testing.assert_close(Bank(network, 3)(x), network(x).expand(5, 3))


def test_networks_of_a_bank_share_nothing() -> None:
    bank = Bank(perceptron((4, 4, 1), torch.Generator().manual_seed(0)), 2)
    bank(torch.ones(5, 4))[:, 1].sum().backward()
    for parameter in bank.parameters():
        assert parameter.grad is not None
        first, second = parameter.grad.chunk(2)
        assert not first.any()
        assert second.any()


def test_the_entropy_is_a_mean_over_samples_and_a_sum_over_networks() -> None:
    logits = torch.tensor([[0.0, 0.0], [0.0, 1.0]]).log1p()  # 0 but for log 2, a probability of 2/3
    answers = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = (np.log(2) + np.log(2)) / 2 + (np.log(2) + np.log(3 / 2)) / 2
    assert entropy(logits, answers).item() == pytest.approx(expected)


def test_a_label_of_two_classes_is_one_more_attribute() -> None:
    probe = replace(QUICK, task="label")
    given = embedded()
    labels = [replace(part, targets=part.y[:, None].astype(np.float32)) for part in (given.train, given.test)]
    as_attribute = Embedded(labels[0], labels[1], labels[1])
    assert probe.score(given, seed=0) == QUICK.score(as_attribute, seed=0)
    assert probe.score(given, seed=0)["accuracy"] > 0.95


def test_a_label_of_more_classes_has_an_output_for_each(separated: Embedded, permuted: Embedded) -> None:
    probe = replace(QUICK, task="label")
    assert probe.score(separated, seed=0)["accuracy"] == 1.0
    assert probe.score(permuted, seed=0)["accuracy"] < 1 / 3 + 4 * (2 / 9 / 240) ** 0.5


def test_scores_and_picture_share_one_training() -> None:
    told: list[float] = []
    given = replace(embedded(), tell=told.append)
    QUICK.score(given, seed=11)
    assert told == pytest.approx([epoch / 30 for epoch in range(1, 31)])
    QUICK.pictures(replace(given), seed=11)
    assert len(told) == 30
    QUICK.score(given, seed=12)
    assert len(told) == 60


def test_other_numbers_have_another_digest() -> None:
    given = embedded()
    assert digest(given) == digest(embedded())
    other = replace(given.train, targets=1 - np.asarray(given.train.targets))
    assert digest(replace(given, train=other)) != digest(given)
    assert digest(replace(given, train=replace(given.train, targets=None))) != digest(given)


def test_targets_that_are_no_answers_are_refused() -> None:
    colours = Features(np.ones((4, 2), np.float32), np.zeros(4, np.int64), np.full((4, 3), 0.5, np.float32))
    with pytest.raises(StudyError, match="the targets are not all 0 or 1; ask the probe regression"):
        QUICK.score(Embedded(colours, colours, colours), seed=0)


def test_a_learning_rate_that_is_too_high_is_named() -> None:
    given = embedded()
    huge = replace(given.train, x=given.train.x * np.float32(1e38))
    with pytest.raises(TrialError, match="the attributes probe diverged on features as large as"):
        Attributes(epochs=2, learning_rate=1e30).score(Embedded(huge, given.test, given.evaluation), seed=0)


def test_data_without_attributes_are_refused() -> None:
    with pytest.raises(StudyError, match="there are 0 targets where attributes are asked for; choose celeba"):
        Attributes().check(DataInfo(probed=10, evaluation=10, classes=2, targets=0))


def test_a_label_is_needed_only_where_it_is_asked_for() -> None:
    Attributes().check(DataInfo(probed=10, evaluation=10, classes=0, targets=40))
    with pytest.raises(StudyError, match="needs labels of two classes or more"):
        Attributes(task="label").check(DataInfo(probed=10, evaluation=10, classes=0, targets=40))

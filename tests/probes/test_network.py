"""Perceptrons: their layers, initialization, training and accuracy, and the probes MLP and classifier."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.probes.classifier import Classifier
from ablate.probes.labels import labelled
from ablate.probes.logistic import Logistic
from ablate.probes.mlp import MLP
from ablate.probes.network import (
    accuracy,
    classification_loss,
    output_count,
    perceptron,
    predictions,
    shuffled,
    train,
)
from ablate.probes.probe import Embedded, Features


def test_a_perceptron_has_the_layers_of_the_paper() -> None:
    generator = torch.Generator().manual_seed(0)
    assert sum(p.numel() for p in perceptron((5, 5, 3), generator).parameters()) == (25 + 5) + (15 + 3)
    network = perceptron((5, 8, 8, 3), generator, batchnorm=True)
    assert [type(layer).__name__ for layer in network] == [*["Linear", "BatchNorm1d", "ReLU"] * 2, "Linear"]
    # hidden layers have no bias, batch norm has two vectors
    assert sum(p.numel() for p in network.parameters()) == 5 * 8 + 16 + 8 * 8 + 16 + 8 * 3 + 3


def test_weights_are_drawn_from_torchs_default_distribution() -> None:
    layer = perceptron((100, 50, 2), torch.Generator().manual_seed(0))[0]
    assert isinstance(layer, nn.Linear)
    assert 0.099 < layer.weight.abs().max() <= 0.1  # 1/√100
    assert layer.weight.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.02)
    assert 0.08 < layer.bias.abs().max() <= 0.1


def test_a_last_batch_of_one_sample_is_dropped() -> None:
    generator = torch.Generator().manual_seed(0)
    assert [len(rows) for rows in shuffled(7, 3, generator)] == [3, 3]
    assert [len(rows) for rows in shuffled(8, 3, generator)] == [3, 3, 2]
    assert [len(rows) for rows in shuffled(1, 3, generator)] == [1]


def test_training_steps_once_for_each_batch() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    batches = [(torch.ones(2, 1), torch.ones(2, 1))] * 2  # slope of mean (w − 1)²: 2 (w − 1); w: 0, 0.2, 0.36
    train(layer, batches, torch.optim.SGD(layer.parameters(), lr=0.1), nn.functional.mse_loss)
    assert layer.weight.item() == pytest.approx(0.36)
    assert not layer.training


def test_accuracy_is_of_the_largest_logit() -> None:
    x = torch.tensor([[3.0, 1.0], [0.0, 2.0], [5.0, 4.0]])
    assert accuracy(nn.Identity(), x, torch.tensor([0, 1, 1])) == pytest.approx(2 / 3)


def rings(samples: int, seed: int) -> Features:
    """Two classes on circles of radius 1 and 2, which a hidden layer separates but no hyperplane."""
    generator = np.random.default_rng(seed)
    y, angle = np.arange(samples) % 2, generator.uniform(0, 2 * np.pi, samples)
    x = (1 + y)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Features(np.tile(x, 4).astype(np.float32), y)  # eight features: eight hidden units


@pytest.mark.parametrize(
    "probe",
    [
        MLP(epochs=30, batch_size=20, learning_rate=0.01),
        Classifier(width=16, epochs=30, batch_size=20, learning_rate=0.01),
    ],
    ids=["mlp", "classifier"],
)
def test_hidden_layers_separate_classes_that_no_hyperplane_separates(probe: MLP | Classifier) -> None:
    train_split, test = rings(300, 0), rings(200, 1)
    shares: list[float] = []
    assert probe.score(Embedded(train_split, test, test, report_progress=shares.append), seed=0)["accuracy"] > 0.97
    assert Logistic().score(Embedded(train_split, test, test), seed=0)["accuracy"] < 0.7
    assert shares == pytest.approx([epoch / 30 for epoch in range(1, 31)])


def test_the_classifier_is_trained_on_as_many_samples_as_labels() -> None:
    split = rings(300, 0)
    few, probe = labelled(split, 4), Classifier(labels=4, passes=0, width=4, epochs=5, learning_rate=0.01)
    assert sorted(few.y.tolist()) == [0, 0, 1, 1]
    on_few = replace(probe, labels=None).score(Embedded(few, split, split), seed=0)
    assert probe.score(Embedded(split, split, split), seed=0) == on_few


def test_a_single_output_predicts_the_second_class_above_one_half() -> None:
    """Logits 2, -1, ½ of the classes 1, 0, 0: losses log(1 + e⁻²), log(1 + e⁻¹) and log(1 + e^½)."""
    logits, y = torch.tensor([[2.0], [-1.0], [0.5]]), torch.tensor([1, 0, 0])
    assert predictions(logits).tolist() == [1, 0, 1]
    expected = sum(math.log(1 + math.exp(power)) for power in (-2, -1, 0.5)) / 3
    assert classification_loss(logits, y).item() == pytest.approx(expected)
    assert [output_count(classes, "sigmoid") for classes in (2, 3)] == [1, 3]


def test_mlp_separates_two_classes_with_one_sigmoid() -> None:
    probe = MLP(epochs=30, batch_size=20, learning_rate=0.01, binary="sigmoid")
    view = Embedded(rings(300, 0), rings(200, 1), rings(200, 1))
    assert probe.score(view, seed=0)["accuracy"] > 0.97


@pytest.mark.parametrize("probe", [Classifier(labels=5000), Logistic(labels=5000)], ids=["classifier", "logistic"])
def test_more_labels_than_samples_are_refused(probe: Classifier | Logistic) -> None:
    with pytest.raises(StudyError, match="5000 labels of 10 classes cannot be taken from 500 training samples"):
        probe.check(DataInfo(probed=500, evaluation=100, classes=10))


def test_a_diverged_training_is_an_error() -> None:
    huge = Features(np.full((8, 64), 3e38, np.float32), np.array([0, 1] * 4))  # sums exceed float32
    with pytest.raises(TrialError, match="MLP probe diverged on features as large as 3e\\+38; lower"):
        MLP().score(Embedded(huge, huge, huge), seed=0)


def test_the_highest_accuracy_is_that_of_the_best_epoch() -> None:
    view = Embedded(rings(300, 0), rings(50, 1), rings(50, 1))
    probe = MLP(epochs=8, batch_size=20, learning_rate=0.01)
    accuracies = [test for test, _ in probe.accuracies(view, seed=3)]
    scores = probe.score(view, seed=3)
    assert scores["highest_accuracy"] == max(accuracies)
    assert scores["accuracy"] == accuracies[-1]

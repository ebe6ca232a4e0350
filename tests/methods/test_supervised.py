"""Supervised training: cross-entropy and distance enhancement of classes, by hand."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.method import Tensors
from ablate.methods.supervised import Supervised, class_cosine_similarity, memberships

LN2, LN3 = math.log(2), math.log(3)
PLAIN: dict[str, Any] = {"network": "mlp", "latent_dim": 2, "augmentation": "none"}
LABELS = torch.tensor([0, 1, 1])


def wired(method: Supervised) -> dict[str, Tensor]:
    """Parameters with which features equal non-negative inputs and logits the features; the third class has logit 0."""
    params, _ = method.init(DataInfo((2,), 10, 3, 3), torch.Generator().manual_seed(0))
    return {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}


def shown(method: Supervised, labels: Tensor, views: list[list[float]]) -> dict[str, float]:
    params = wired(method)
    params["classifier.bias"] = torch.tensor([0.0, 0.0, -100.0])  # the last class is never predicted
    _, values, _ = method.loss(params, {}, {"label": labels}, {"view": torch.tensor([views]).float()})
    return {name: value.item() for name, value in values.items()}


def test_cross_entropy_and_accuracy_by_hand() -> None:
    """Odds 3 : 1 for the right class, 3 : 1 for it again, and 3 : 1 against it: ln 4/3, ln 4/3 and ln 4."""
    values = shown(Supervised(**PLAIN), LABELS, [[LN3, 0], [0, LN3], [LN3, 0]])
    assert values["cross_entropy"] == values["loss"] == pytest.approx((2 * math.log(4 / 3) + math.log(4)) / 3)
    assert values["accuracy"] == pytest.approx(2 / 3)


def test_points_without_a_label_are_left_out() -> None:
    """Of three points one is labelled."""
    values = shown(Supervised(**PLAIN), torch.tensor([-1, 0, -1]), [[5, 0], [LN3, 0], [0, 5]])
    assert values == pytest.approx(
        {"loss": math.log(4 / 3), "cross_entropy": math.log(4 / 3), "distance": 0, "accuracy": 1}, rel=1e-4
    )


def test_the_loss_of_a_batch_without_labels_is_zero() -> None:
    values = shown(Supervised(**PLAIN), torch.tensor([-1, -1, -1]), [[5, 0], [LN3, 0], [0, 5]])
    assert set(values.values()) == {0.0}


def test_classes_are_compared_by_their_means() -> None:
    """Means (2, 0), (3, 4) and (0, 1), the second of (4, 0) and (2, 8): cosines 0.6, 0 and 0.8, twice, over 2²."""
    h = torch.tensor([[2.0, 0.0], [4.0, 0.0], [2.0, 8.0], [0.0, 1.0]])
    members = memberships(torch.tensor([0, 1, 1, 2]), torch.zeros(4, 3))
    assert class_cosine_similarity(h, members).item() == pytest.approx(0.7)


def test_absent_classes_are_left_out() -> None:
    """Two of five classes: a cosine of 0.6, twice, over 1²."""
    h = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    assert class_cosine_similarity(h, memberships(torch.tensor([3, 1]), torch.zeros(2, 5))).item() == pytest.approx(1.2)


def test_the_distance_of_a_single_class_is_zero() -> None:
    h = torch.tensor([[2.0, 0.0], [3.0, 4.0]], requires_grad=True)
    distance = class_cosine_similarity(h, memberships(torch.tensor([1, 1]), torch.zeros(2, 5)))
    assert distance.item() == pytest.approx(0, abs=1e-6)
    assert torch.autograd.grad(distance, h)[0].isfinite().all()


def test_the_distance_has_its_weight_in_the_loss() -> None:
    method = Supervised(**PLAIN, distance_enhancement=10.0)
    values = shown(method, LABELS, [[2, 0], [4, 0], [2, 8]])
    assert values["distance"] == pytest.approx(1.2)
    assert values["loss"] == pytest.approx(values["cross_entropy"] + 12)


def test_predictions_are_logits_of_clean_images() -> None:
    method = Supervised(**PLAIN)
    params = wired(method)
    params["classifier.bias"] = torch.tensor([1.0, 2.0, 3.0])
    assert method.predict(params, {}, torch.tensor([[5.0, 7.0]])).tolist() == [[6, 9, 3]]
    assert method.embed(params, {}, torch.tensor([[5.0, 7.0]])).tolist() == [[5, 7]]


def test_predictions_normalize_by_running_statistics() -> None:
    method = Supervised(network="resnet18", width=2, augmentation="none")
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    params, state = method.init(DataInfo((3, 8, 8), 10, 3, 4), torch.Generator().manual_seed(0))
    alone: Tensors = {**params, **state}
    torch.testing.assert_close(method.predict(alone, alone, images)[:1], method.predict(params, state, images[:1]))


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        (DataInfo((3, 8, 8), 100, 0, 16), "the training set has 0 classes; choose a data set with labels"),
        (
            DataInfo((3, 8, 8), 100, 10, 1),
            "batch norm cannot work on batches of 1; use a larger training.batch_size or network 'mlp'",
        ),
        (
            DataInfo((12,), 100, 10, 16),
            "network 'resnet50' needs images (C, H, W), the data are vectors (12); use network 'mlp'",
        ),
    ],
)
def test_impossible_options_are_refused(info: DataInfo, sentence: str) -> None:
    with pytest.raises(StudyError) as refused:
        Supervised(augmentation="none").check(info)
    assert str(refused.value) == sentence

"""MoCo's loss, queue and teacher, by hand, against lightly, and after resuming."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.method import Tensors
from ablate.methods.moco import MoCo, MoCoV2, MomentumContrast, info_nce
from ablate.nets.functional import apply
from ablate.train.checkpoint import load, save
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe

E = math.e
PLAIN: dict[str, Any] = {
    "network": "mlp",
    "latent_dim": 2,
    "augmentation": "none",
    "proj_head": False,
    "queue": 3,
    "splits": 1,
}
IMAGES: dict[str, Any] = {"network": "narrow", "width": 2, "latent_dim": 3, "augmentation": "simclr-grey", "queue": 5}
FIRST, SECOND = [1.0, 0.0], [0.0, 1.0]
KINDS = pytest.mark.parametrize("kind", [MoCo, MoCoV2])


def wired(method: MomentumContrast) -> tuple[dict[str, Tensor], Tensors]:
    """Tensors with which encoder and teacher return their inputs; the keys of the queue are zero."""
    params, state = method.init(DataInfo((2,), 10, 2, 2), torch.Generator().manual_seed(0))
    wires = {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}
    teacher = {f"teacher.{name}": tensor for name, tensor in wires.items()}
    return wires, {**state, **teacher, "queue": torch.zeros(3, 2)}


def step(
    method: MomentumContrast, params: Tensors, state: Tensors, views: list[list[list[float]]]
) -> tuple[Tensors, Tensors]:
    noise = {"view": torch.tensor(views), "order": torch.arange(2)}
    _, shown, after = method.loss(params, state, {}, noise)
    return shown, after


def test_the_loss_by_hand() -> None:
    """At τ = ½ the queries score e² and 1 with their own keys, 1 and e², 1 and e⁻² with those of the queue."""
    queue = torch.tensor([SECOND, [0.0, -1.0]])
    query, keys = torch.tensor([FIRST, SECOND]), torch.tensor([FIRST, FIRST])
    loss, right = info_nce(query, keys, queue, 0.5)
    expected = (math.log((E**2 + 1 + 1) / E**2) + math.log(1 + E**2 + E**-2)) / 2
    assert loss.item() == pytest.approx(expected)
    assert right.item() == 0.5


def test_the_loss_is_that_of_lightly() -> None:
    from lightly.loss import NTXentLoss

    generator = torch.Generator().manual_seed(0)
    query, keys = F.normalize(torch.randn(2, 6, 4, generator=generator), dim=2)
    oracle = NTXentLoss(temperature=0.2, memory_bank_size=(16, 4))
    loss, _ = info_nce(query, keys, oracle.memory_bank.bank.clone(), 0.2)
    torch.testing.assert_close(loss, oracle(query, keys))


def test_new_keys_replace_the_oldest_ones_of_the_queue() -> None:
    """Two steps of two keys with a queue of three; keys have unit length."""
    method = MoCo(**PLAIN)
    params, state = wired(method)
    _, state = step(method, params, state, [[FIRST, FIRST], [[2.0, 0.0], SECOND]])
    assert state["queue"].tolist() == [FIRST, SECOND, [0, 0]]
    _, state = step(method, params, state, [[FIRST, FIRST], [[3.0, 4.0], SECOND]])
    torch.testing.assert_close(state["queue"], torch.tensor([[0.6, 0.8], SECOND, FIRST]))


def test_losses_of_several_steps_are_those_of_lightly() -> None:
    """From the third step on, the queue holds keys of earlier batches only."""
    from lightly.loss import NTXentLoss

    method = MoCo(**{**PLAIN, "queue": 4})
    oracle = NTXentLoss(temperature=0.2, memory_bank_size=(4, 2))
    params, state = wired(method)
    state = {**state, "queue": oracle.memory_bank.bank.flip(0)}  # lightly fills it from the front
    for first, second in torch.rand(5, 2, 2, 2, generator=torch.Generator().manual_seed(0)):
        expected = oracle(first.clone().requires_grad_(), second)
        noise = {"view": torch.stack([first, second]), "order": torch.tensor([1, 0])}
        loss, _, state = method.loss(params, state, {}, noise)
        torch.testing.assert_close(loss, expected.detach())


def test_keys_of_the_same_batch_are_no_negatives() -> None:
    """The second key equals the first query but is not in the queue: scores are e for the own key and 1 three times."""
    method = MoCo(**PLAIN, temperature=1.0)
    shown, _ = step(method, *wired(method), [[FIRST, FIRST], [FIRST, FIRST]])
    assert shown["loss"].item() == pytest.approx(math.log((E + 3) / E))
    assert shown["accuracy"].item() == 1


def test_the_teacher_is_updated_before_it_computes_keys() -> None:
    """0.9 of a teacher of zeros and 0.1 of an encoder of ones: its keys come from a bias of 0.1."""
    method = MoCo(**PLAIN, momentum=0.9)
    params, state = wired(method)
    params["encoder.5.bias"] = torch.tensor([0.0, 1.0])
    zeros = {name: torch.zeros_like(t) if name.startswith("teacher.") else t for name, t in state.items()}
    _, after = step(method, params, zeros, [[FIRST, FIRST], [FIRST, FIRST]])
    torch.testing.assert_close(after["teacher.encoder.5.bias"], torch.tensor([0.0, 0.1]))
    torch.testing.assert_close(after["teacher.encoder.5.weight"][0, 0], torch.tensor(0.1))
    assert after["queue"][0, 1] > 0.99


@KINDS
def test_no_gradient_reaches_the_teacher(kind: Any) -> None:
    method = kind(**IMAGES, splits=2)
    params, state, images = begun(method)
    learned = {name: tensor.requires_grad_() for name, tensor in params.items()}
    _, _, after = method.loss(learned, state, {}, method.draw({"input": images}, torch.Generator().manual_seed(1)))
    assert not any(tensor.requires_grad for name, tensor in after.items() if name.startswith(("teacher.", "queue")))


def test_keys_are_normalized_in_shuffled_groups() -> None:
    """In the order 0, 2, 1, 3, groups of two: images 0 and 2 are normalized by each other, and so are 1 and 3."""
    method = MoCo(**IMAGES, splits=2, proj_head=False)
    params, _, images = begun(method)
    keys = method.keys(params, images[:4], torch.tensor([0, 2, 1, 3]))
    network = method.structure((1, 8, 8))
    for group in ([0, 2], [1, 3]):
        alone = F.normalize(apply(network, params, {}, images[group], training=True)[0], dim=1)
        torch.testing.assert_close(keys[group], alone)
    assert not torch.allclose(keys, method.keys(params, images[:4], torch.arange(4)))


def test_the_teacher_starts_as_the_encoder() -> None:
    params, state, _ = begun(MoCoV2(**IMAGES))
    assert all(torch.equal(state[f"teacher.{name}"], tensor) for name, tensor in params.items())
    torch.testing.assert_close(state["queue"].norm(dim=1), torch.ones(5))


def test_the_head_of_moco_v2_has_no_batch_norm() -> None:
    params, state, _ = begun(MoCoV2(**IMAGES, head_dim=4))
    assert {name: tuple(t.shape) for name, t in params.items() if name.startswith("head.")} == {
        "head.0.weight": (3, 3),
        "head.0.bias": (3,),
        "head.2.weight": (4, 3),
        "head.2.bias": (4,),
    }
    assert not [name for name in state if name.startswith("head.")]
    assert not [name for name in begun(MoCo(**IMAGES, proj_head=False))[0] if name.startswith("head.")]


@KINDS
def test_resuming_changes_no_bit_of_queue_and_teacher(kind: Any, tmp_path: Path) -> None:
    data = TrainingSet(torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3, 1.0)

    def fit(*resume: Any) -> Fit:
        method = kind(**IMAGES, splits=2, momentum=0.9)
        return Fit([method], [Recipe(epochs=2, batch_size=4)], [0], data, torch.device("cpu"), resume)

    whole, first = fit(), fit()
    expected = [event for events in whole.steps() for event in events]
    started = [event for _, events in zip(range(4), first.steps(), strict=False) for event in events]
    save(tmp_path / "4.pt", first.checkpoint(0))
    second = fit(load(tmp_path / "4.pt"))
    assert [*started, *(event for events in second.steps() for event in events)] == expected
    found, wanted = second.checkpoint(0), whole.checkpoint(0)
    assert all(torch.equal(found.state[name], tensor) for name, tensor in wanted.state.items())
    assert all(torch.equal(found.params[name], tensor) for name, tensor in wanted.params.items())


def begun(method: MomentumContrast) -> tuple[dict[str, Tensor], Tensors, Tensor]:
    """Parameters, state and eight images."""
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo((1, 8, 8), 20, 3, 8), generator)
    return dict(params), state, torch.rand(8, 1, 8, 8, generator=generator)


@pytest.mark.parametrize(
    ("settings", "batch", "sentence"),
    [
        ({"queue": 100}, 128, "the queue of 100 keys is smaller than a batch of 128; use method.queue of at least 128"),
        (
            {"splits": 8},
            12,
            "8 splits of a batch of 12 leave a group of fewer than 2 keys; use method.splits of at most 6",
        ),
        ({}, 1, "batches of 1 hold nothing to contrast with; use a larger training.batch_size"),
    ],
)
def test_impossible_options_are_refused(settings: dict[str, Any], batch: int, sentence: str) -> None:
    with pytest.raises(StudyError) as refused:
        MoCo(**settings).check(DataInfo((3, 32, 32), 1000, 10, batch))
    assert str(refused.value) == sentence

"""The encoder of the epoch with the least loss on validation samples."""

import dataclasses
import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.events import EpochEnd, MemberFailed
from ablate.methods.invariant import Invariant
from ablate.methods.method import Method, Tensors
from ablate.train.checkpoint import load, save
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe
from ablate.train.validation import validation_loss

CPU = torch.device("cpu")
RECIPE = Recipe(
    epochs=6, batch_size=4, optimizer="sgd", momentum=0.0, learning_rate=0.25, schedule="constant", kept="best"
)


@dataclass(frozen=True)
class Mean(Method):
    """(w - x)² averaged over the batch; w starts at 0, and each step of rate ¼ halves its distance from the mean x."""

    source: ClassVar[str] = "textbook"

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return {"encoder.w": torch.zeros(())}, {}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return inputs * params["encoder.w"]

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        loss = (params["encoder.w"] - batch["input"]).square().mean()
        return loss, {"loss": loss}, state


def samples(value: float, count: int = 4) -> TrainingSet:
    return TrainingSet(torch.full((count, 1), value), torch.zeros(count, dtype=torch.int64), 1.0)


def fit_of(recipe: Recipe, validation: float, **options: object) -> Fit:
    return Fit([Mean()], [recipe], [0], samples(1.0), CPU, validation=samples(validation), **options)  # type: ignore[arg-type]  # those of `Fit`


def run(fit: Fit) -> list[EpochEnd | MemberFailed]:
    return [event for events in fit.steps() for event in events]


def test_the_encoder_of_the_epoch_with_the_least_validation_loss_is_kept() -> None:
    """w is ½, ¾, ⅞ ... after each epoch; of these, ¾ is the nearest to the validation samples' 0.7."""
    fit = fit_of(RECIPE, 0.7)
    events = run(fit)
    assert {epoch: tensors["encoder.w"].item() for epoch, tensors in fit.snapshots(0).items()} == {2: 0.75}
    losses = [event.values["validation_loss"] for event in events if isinstance(event, EpochEnd)]
    assert losses == pytest.approx([(1 - 0.5**epoch - 0.7) ** 2 for epoch in range(1, 7)], abs=1e-6)


def test_the_last_encoder_is_kept_without_validation_samples() -> None:
    fit = Fit([Mean()], [dataclasses.replace(RECIPE, kept="last")], [0], samples(1.0), CPU)
    events = run(fit)
    assert list(fit.snapshots(0)) == [6]
    assert all("validation_loss" not in event.values for event in events if isinstance(event, EpochEnd))


@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_a_resumed_training_keeps_the_best_of_all_epochs(after: int, tmp_path: Path) -> None:
    begun = fit_of(RECIPE, 0.7)
    list(islice(begun.steps(), after))
    save(tmp_path / "checkpoint.pt", begun.checkpoint(0))
    resumed = fit_of(RECIPE, 0.7, resume=[load(tmp_path / "checkpoint.pt")])
    run(resumed)
    assert list(resumed.snapshots(0)) == [2]


def test_a_validation_loss_that_is_not_finite_fails_the_trial() -> None:
    (failure,) = run(fit_of(RECIPE, math.inf))
    assert isinstance(failure, MemberFailed)
    assert failure.reason == "the loss on the validation samples is not finite after step 1"


def test_the_validation_loss_changes_nothing_and_has_the_same_noise_in_every_epoch() -> None:
    """Of a method whose loss computes gradients itself."""
    method = Invariant(k=6, latent_dim=4, epsilon=0.5)
    data = TrainingSet(torch.rand(11, 5, generator=torch.Generator().manual_seed(0)), torch.zeros(11).long(), 1.0)
    params, state = method.init(DataInfo((5,), 11, 2, 4), torch.Generator().manual_seed(0))
    before = {name: tensor.clone() for name, tensor in {**params, **state}.items()}
    first, second = (validation_loss(method, params, state, data, 4, 0, 0.5) for _ in range(2))
    assert math.isfinite(first)
    assert first == second
    assert all(torch.equal(before[name], tensor) for name, tensor in {**params, **state}.items())
    assert validation_loss(method, params, state, data, 4, 1, 0.5) != first

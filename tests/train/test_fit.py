"""Training of a pack: events, failures, stopped members, snapshots, and bitwise equal results after resuming."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.events import EpochEnd, MemberFailed
from ablate.methods.invariant import Invariant
from ablate.methods.method import Method, Objective, Tensors
from ablate.options import option
from ablate.train.checkpoint import Checkpoint, load, save
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.optimizer import Optimizer
from ablate.train.pack import Stacked, TrainingPack
from ablate.train.recipe import Recipe

CPU = torch.device("cpu")
DATA = TrainingSet((torch.arange(22 * 3).view(22, 3) % 7).to(torch.uint8), torch.arange(22) % 4, 1 / 7)
RECIPE = Recipe(epochs=4, batch_size=5, learning_rate=0.05, learning_rate_late=0.01, snapshots=2)  # 4 x 4 steps


@dataclass(frozen=True)
class Denoising(Method):
    """A linear denoising autoencoder, |x - d(e(x + noise))|²; its state is a running mean of the codes."""

    source: ClassVar[str] = "textbook"

    corruption: float = option(0.1, "standard deviation of the noise", least=0)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        width = info.shape[0]
        drawn = torch.rand(2, width, generator=generator)
        return {"encoder.weight": drawn[0], "decoder.weight": drawn[1]}, {"mean": torch.zeros(())}

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        x = batch["input"]
        return {"noise": torch.randn(x.shape, generator=generator, device=x.device)}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return inputs @ params["encoder.weight"][:, None]

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        x = batch["input"]
        code = self.embed(params, state, x + self.corruption * noise["noise"])
        loss = (x - code * params["decoder.weight"]).square().mean()
        mean = state["mean"].lerp(code.mean(), 0.1)
        return loss, {"loss": loss, "mean": mean, "label": batch["label"].float().mean()}, {"mean": mean}


@dataclass(frozen=True)
class Alternating(Denoising):
    """The same with two objectives: for the decoder, then for the encoder with a penalty on its weights."""

    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("loss", learns=("decoder.",)),
        Objective("shrink", learns=("encoder.",)),
    )

    def shrink(
        self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors
    ) -> tuple[Tensor, Tensors, Tensors]:
        loss, _, _ = self.loss(params, state, batch, noise)
        total = loss + params["encoder.weight"].square().sum()
        return total, {"loss": total}, state


@dataclass(frozen=True)
class Centring(Method):
    """Fitted in closed form: subtracts the mean of the data."""

    source: ClassVar[str] = "textbook"
    objectives: ClassVar[tuple[Objective, ...]] = ()

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return {"encoder.mean": torch.zeros(info.shape)}, {}

    def solve(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensors, Tensors] | None:
        return {"encoder.mean": inputs.mean(0)}, {}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return inputs - params["encoder.mean"]


class Untrained(Centring):
    def solve(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensors, Tensors] | None:
        return None


class StackedFit(Fit):
    """Uses the pack of an accelerator on the CPU, and checks for failures every three steps."""

    check_interval = 3  # steps

    def pack_type(self) -> type[TrainingPack]:
        return Stacked


KINDS = pytest.mark.parametrize("kind", [Fit, StackedFit])


def fit(
    kind: type[Fit] = Fit,
    methods: Sequence[Method] = (Denoising(),),
    recipes: Sequence[Recipe] | None = None,
    seeds: Sequence[int] | None = None,
    data: TrainingSet = DATA,
    resume: Sequence[Checkpoint | None] = (),
) -> Fit:
    recipes = recipes or [RECIPE] * len(methods)
    return kind(methods, recipes, seeds or range(len(methods)), data, CPU, resume)


def finish(training: Fit) -> list[EpochEnd | MemberFailed]:
    return [event for events in training.steps() for event in events]


def take(training: Fit, steps: int) -> list[EpochEnd | MemberFailed]:
    """The events of the first steps."""
    return [event for events in islice(training.steps(), steps) for event in events]


def same(first: Tensors, second: Tensors) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@KINDS
def test_every_member_yields_its_means_at_the_end_of_every_epoch(kind: type[Fit]) -> None:
    training = fit(kind, [Denoising()] * 2)
    items = list(training.steps())
    assert [len(item) for item in items] == [0, 0, 0, 2] * 4
    events = [event for item in items for event in item]
    assert [(event.member, event.epoch) for event in events] == [(k, epoch) for epoch in (1, 2, 3, 4) for k in (0, 1)]
    assert isinstance(events[0], EpochEnd)
    assert events[0].values.keys() == {"loss", "mean", "label"}


def test_epoch_values_are_means_over_the_steps_of_the_epoch() -> None:
    """Four steps of 5 samples out of 22: the mean label of those 20."""
    training = fit()
    (event,) = take(training, 4)
    assert isinstance(event, EpochEnd)
    assert event.values["label"] == pytest.approx(DATA.labels[training.permutations[0, :20]].float().mean().item())


def test_training_lowers_the_loss() -> None:
    events = finish(fit(recipes=[dataclasses.replace(RECIPE, epochs=40)]))
    assert isinstance(events[0], EpochEnd)
    assert isinstance(events[-1], EpochEnd)
    assert events[-1].values["loss"] < 0.7 * events[0].values["loss"]


@KINDS
@pytest.mark.parametrize("method", [Denoising(), Alternating()])
@pytest.mark.parametrize("stop", [1, 3, 4, 6, 13, 15])
def test_a_resumed_trial_equals_an_uninterrupted_one(
    kind: type[Fit], method: Method, stop: int, tmp_path: Path
) -> None:
    """Bit by bit, through a file, in the middle of an epoch and at its end."""
    whole = fit(kind, [method] * 2)
    expected = finish(whole)
    first = fit(kind, [method] * 2)
    events = take(first, stop)
    for member in first.checked_members:
        save(tmp_path / f"{member}.pt", first.checkpoint(member))
    second = fit(kind, [method] * 2, resume=[load(tmp_path / f"{member}.pt") for member in (0, 1)])
    assert [*events, *finish(second)] == expected
    for member in (0, 1):
        assert same(second.encoder(member), whole.encoder(member))
        found, wanted = second.snapshots(member), whole.snapshots(member)
        assert found.keys() == wanted.keys() == {3, 4}
        assert all(same(found[epoch], wanted[epoch]) for epoch in found)


def test_the_invariant_method_resumes_in_the_middle_of_its_warm_up(tmp_path: Path) -> None:
    recipe = Recipe(epochs=3, batch_size=5)
    methods = [Invariant(k=5, latent_dim=2, warm_up=0.5)]
    whole = fit(methods=methods, recipes=[recipe])
    expected = finish(whole)
    first = fit(methods=methods, recipes=[recipe])
    events = take(first, 5)
    save(tmp_path / "5.pt", first.checkpoint(0))
    second = fit(methods=methods, recipes=[recipe], resume=[load(tmp_path / "5.pt")])
    assert [*events, *finish(second)] == expected
    assert same(second.encoder(0), whole.encoder(0))


def test_a_checkpoint_is_not_changed_by_further_training() -> None:
    training = fit()
    running = training.steps()
    next(running)
    checkpoint = training.checkpoint(0)
    again = fit(resume=[checkpoint])
    expected = finish(again)
    for _ in running:
        pass
    assert finish(fit(resume=[checkpoint])) == expected


def test_resuming_a_finished_trial_takes_no_step_and_keeps_its_snapshots() -> None:
    training = fit()
    finish(training)
    again = fit(resume=[training.checkpoint(0)])
    assert finish(again) == []
    assert again.snapshots(0).keys() == {3, 4}


@KINDS
def test_a_packed_trial_equals_a_lone_one_of_its_seed(kind: type[Fit]) -> None:
    packed = fit(kind, [Denoising()] * 3, seeds=[4, 5, 6])
    finish(packed)
    alone = fit(kind, seeds=[5])
    finish(alone)
    for name, tensor in alone.encoder(0).items():
        torch.testing.assert_close(packed.encoder(1)[name], tensor)
    assert not same(packed.encoder(0), packed.encoder(1))


def test_variants_of_one_seed_share_initialization_and_order() -> None:
    pair = fit(methods=[Denoising(), Denoising(corruption=0.2)], seeds=[3, 3])
    assert same(pair.encoder(0), pair.encoder(1))
    next(pair.steps())
    assert torch.equal(pair.permutations[0], pair.permutations[1])
    finish(pair)  # the first step of Adam depends on the gradient's signs alone, which may be equal
    assert not same(pair.encoder(0), pair.encoder(1))


def test_the_global_generator_is_not_used() -> None:
    before = torch.get_rng_state()
    finish(fit())
    assert torch.equal(before, torch.get_rng_state())


@KINDS
def test_a_loss_that_is_not_finite_fails_its_member_only(kind: type[Fit]) -> None:
    """A rate of 1e25 makes weights of 1e25, whose loss is beyond single precision, at the second step."""
    rates = [0.05, 1e25, 0.05]
    recipes = [dataclasses.replace(RECIPE, learning_rate=rate) for rate in rates]
    training = fit(kind, [Denoising()] * 3, recipes)
    events = finish(training)
    failures = [event for event in events if isinstance(event, MemberFailed)]
    assert failures == [MemberFailed(1, 1, 2, "loss is not finite at step 2")]
    assert {event.member for event in events if isinstance(event, EpochEnd)} == {0, 2}
    assert training.checked_members == (0, 2)
    assert training.step == training.total
    with pytest.raises(AssertionError, match="member 1 has failed or was stopped"):
        training.checkpoint(1)
    healthy = fit(kind, [Denoising()] * 3)
    finish(healthy)
    assert all(same(training.encoder(member), healthy.encoder(member)) for member in (0, 2))


@KINDS
def test_training_ends_when_all_members_have_failed(kind: type[Fit]) -> None:
    recipes = [dataclasses.replace(RECIPE, learning_rate=1e25)] * 2
    training = fit(kind, [Denoising()] * 2, recipes)
    events = finish(training)
    assert [type(event) for event in events] == [MemberFailed, MemberFailed]
    assert training.checked_members == ()
    assert training.step <= 3


def test_a_failure_detected_between_steps_is_yielded_with_the_next_step() -> None:
    training = fit(StackedFit, recipes=[dataclasses.replace(RECIPE, learning_rate=1e25)])
    running = training.steps()
    assert next(running) == next(running) == ()
    assert training.checked_members == ()
    assert next(running) == (MemberFailed(0, 1, 2, "loss is not finite at step 2"),)
    assert next(running, None) is None


def test_stopping_a_member_with_an_undetected_failure_yields_the_failure() -> None:
    recipes = [RECIPE, dataclasses.replace(RECIPE, learning_rate=1e25)]
    training = fit(StackedFit, [Denoising()] * 2, recipes)
    running = training.steps()
    assert next(running) == next(running) == ()
    assert training.members == (0, 1)
    training.stop(1)
    assert training.members == (0,)
    assert next(running) == (MemberFailed(1, 1, 2, "loss is not finite at step 2"),)


def test_an_encoder_that_is_not_finite_after_the_last_step_is_a_failure() -> None:
    recipe = Recipe(epochs=1, batch_size=22, learning_rate=3e38, late_from=1.0)
    data = dataclasses.replace(DATA, scale=1e-3)
    params = {"encoder.weight": torch.full((3,), 3e38), "decoder.weight": torch.full((3,), -1e-37)}
    huge = dataclasses.replace(fit(recipes=[recipe], data=data).checkpoint(0), params=params)
    events = finish(fit(recipes=[recipe], data=data, resume=[huge]))
    assert events == [MemberFailed(0, 1, 1, "encoder.weight is not finite after step 1")]


@KINDS
def test_objectives_update_their_own_parameters_and_prefix_their_values(kind: type[Fit]) -> None:
    training = fit(kind, [Alternating()])
    (event, *_) = finish(training)
    assert isinstance(event, EpochEnd)
    assert event.values.keys() == {"loss/loss", "loss/mean", "loss/label", "shrink/loss"}
    optimizers = training.checkpoint(0).optimizers
    assert [set(memory) for memory in optimizers] == [{"decoder.weight"}, {"encoder.weight"}]


def test_the_learning_rate_drops_at_its_share_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 steps, the late rate from the 4th on (3 / 16 < 0.2 < 4 / 16)."""
    rates: list[float] = []
    step = Optimizer.step

    def recording_step(optimizer: Optimizer, gradients: Iterable[Tensor], rate: float) -> None:
        rates.append(rate)
        step(optimizer, gradients, rate)

    monkeypatch.setattr(Optimizer, "step", recording_step)
    finish(fit())
    assert rates == [0.05] * 4 + [0.01] * 12


def test_a_method_with_a_closed_form_is_fitted_in_one_step() -> None:
    training = fit(methods=[Centring()])
    assert finish(training) == [EpochEnd(0, 1, {})]
    expected = (DATA.inputs * DATA.scale).mean(0)
    torch.testing.assert_close(training.snapshots(0)[1]["encoder.mean"], expected)
    again = fit(methods=[Centring()], resume=[training.checkpoint(0)])
    assert finish(again) == []
    assert same(again.encoder(0), training.encoder(0))


def test_an_untrained_method_keeps_its_initial_parameters() -> None:
    training = fit(methods=[Untrained()])
    assert finish(training) == [EpochEnd(0, 1, {})]
    assert training.encoder(0)["encoder.mean"].tolist() == [0, 0, 0]


def test_a_training_set_smaller_than_a_batch_is_refused() -> None:
    with pytest.raises(StudyError, match="batch size 256 is larger than the 22 samples"):
        fit(methods=[Invariant()], recipes=[Recipe()])


def test_members_with_different_options_other_than_floats_are_refused() -> None:
    with pytest.raises(AssertionError):
        fit(methods=[Invariant(k=5), Invariant(k=6)], recipes=[Recipe(batch_size=5)] * 2)
    with pytest.raises(AssertionError):
        fit(methods=[Invariant(), Invariant(sinkhorn_lambda=0.5)], recipes=[Recipe(batch_size=5)] * 2)


def encoded(encoder: Mapping[str, Tensor], method: Method, data: TrainingSet) -> Tensor:
    return method.embed(encoder, encoder, data.inputs * data.scale)


@pytest.mark.slow
def test_a_few_epochs_improve_the_accuracy_on_digits() -> None:
    """A linear classifier reaches 0.67 on the untrained encoder's features, 0.90 on the trained one's."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    x, y = load_digits(return_X_y=True)
    data = TrainingSet(torch.tensor(x, dtype=torch.uint8), torch.tensor(y), 1 / 16)
    method = Invariant(epsilon=0.8)
    training = fit(methods=[method], recipes=[Recipe(epochs=4, batch_size=128)], data=data)

    def accuracy() -> float:
        features = StandardScaler().fit_transform(encoded(training.encoder(0), method, data).numpy())
        model = LogisticRegression(max_iter=1000).fit(features[:1200], y[:1200])
        return float(model.score(features[1200:], y[1200:]))

    before = accuracy()
    finish(training)
    assert accuracy() > before + 0.15

"""Stopping a member of a pack before the end of training."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest
import torch

from ablate.events import EpochEnd, MemberFailed
from ablate.methods.moco import MoCo
from ablate.train.checkpoint import Checkpoint
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.pack import Stacked, TrainingPack
from ablate.train.recipe import Recipe

DATA = TrainingSet((torch.arange(22 * 64).view(22, 1, 8, 8) % 7).to(torch.uint8), torch.arange(22) % 4, 1 / 7)
# Adam would make a rounding error of a gradient that is nearly zero as large as its step
RECIPE = Recipe(epochs=3, batch_size=5, snapshots=2, optimizer="sgd")  # 3 x 4 steps
SMALL: Mapping[str, Any] = {
    **{"network": "simvae-mlp", "width": 1, "latent_dim": 4, "head_dim": 4},
    **{"augmentation": "simclr-grey", "queue": 8, "splits": 2},
}
TEMPERATURES = (0.1, 0.2, 0.3)


class StackedFit(Fit):
    """Uses the pack of an accelerator on the CPU, and checks for failures every three steps."""

    check_interval = 3

    def pack_type(self) -> type[TrainingPack]:
        return Stacked


KINDS = pytest.mark.parametrize("kind", [Fit, StackedFit])
STEPS = pytest.mark.parametrize("step", [1, 4, 6])  # within an epoch, at the end of one, within a later one


def fit(kind: type[Fit], members: tuple[int, ...] = (0, 1, 2), resume: tuple[Checkpoint, ...] = ()) -> Fit:
    """A fit of some of three trials, which differ in seeds and temperatures; the state is a queue and a teacher."""
    methods = [MoCo(temperature=TEMPERATURES[member], **SMALL) for member in members]
    return kind(methods, [RECIPE] * len(members), members, DATA, torch.device("cpu"), resume)


def advance(training: Fit, steps: int) -> list[EpochEnd | MemberFailed]:
    return [event for events in islice(training.steps(), steps) for event in events]


def finish(training: Fit) -> list[EpochEnd | MemberFailed]:
    return advance(training, training.total)


def assert_equal(found: Checkpoint, expected: Checkpoint, tolerance: float = 0.0) -> None:
    assert found.step == expected.step
    for name in ("params", "state", "optimizers", "noise", "snapshots"):
        pair = getattr(found, name), getattr(expected, name)
        torch.testing.assert_close(*pair, rtol=tolerance, atol=tolerance)
    sums = [dict(held.sums) for held in (found, expected)]
    if tolerance:
        for held in sums:
            held.pop("accuracy", None)  # logits that are nearly equal may change places
    torch.testing.assert_close(*sums, rtol=tolerance, atol=tolerance)


@KINDS
@STEPS
def test_stopping_a_member_leaves_the_others_bitwise_equal(kind: type[Fit], step: int) -> None:
    whole, stopped = fit(kind), fit(kind)
    expected = finish(whole)
    events = advance(stopped, step)
    stopped.stop(1)
    events += finish(stopped)
    assert [event for event in events if event.member != 1] == [event for event in expected if event.member != 1]
    for member in (0, 2):
        assert_equal(stopped.checkpoint(member), whole.checkpoint(member))


@KINDS
@STEPS
def test_a_stopped_member_yields_no_event_after_the_stop(kind: type[Fit], step: int) -> None:
    training = fit(kind)
    before = [event for event in advance(training, step) if event.member == 1]
    assert [event.epoch for event in before] == [1] * (step // 4)
    assert training.members == (0, 1, 2)
    training.stop(1)
    assert training.members == training.checked_members == (0, 2)
    assert {event.member for event in finish(training)} == {0, 2}
    assert training.step == training.total


@KINDS
@STEPS
def test_the_checkpoint_of_a_stopped_member_equals_that_of_a_lone_run(kind: type[Fit], step: int) -> None:
    """Bit by bit where members are stepped one after the other; stacked kernels may round differently."""
    packed, alone = fit(kind), fit(Fit, (1,))
    advance(packed, step)
    saved = packed.checkpoint(1)
    packed.stop(1)
    finish(packed)
    advance(alone, step)
    assert_equal(saved, alone.checkpoint(0), tolerance=0.0 if kind is Fit else 1e-3)


def test_a_stopped_member_can_be_resumed_from_its_checkpoint() -> None:
    packed, alone = fit(Fit), fit(Fit, (1,))
    advance(packed, 6)
    saved = packed.checkpoint(1)
    packed.stop(1)
    resumed = fit(Fit, (1,), (saved,))
    expected = [event for event in finish(alone) if event.epoch > 1]
    assert finish(resumed) == expected
    assert_equal(resumed.checkpoint(0), alone.checkpoint(0))


@KINDS
def test_a_stopped_member_keeps_its_snapshots_and_has_no_checkpoint(kind: type[Fit]) -> None:
    training = fit(kind)
    advance(training, 9)
    training.stop(1)
    training.stop(1)  # again: no effect
    finish(training)
    assert [set(training.snapshots(member)) for member in range(3)] == [{2, 3}, {2}, {2, 3}]
    with pytest.raises(AssertionError, match="member 1 has failed or was stopped"):
        training.checkpoint(1)


@KINDS
def test_training_ends_when_all_members_are_stopped(kind: type[Fit]) -> None:
    training = fit(kind)
    running = training.steps()
    next(running)
    for member in range(3):
        training.stop(member)
    assert next(running, None) is None
    assert (training.members, training.step) == ((), 1)

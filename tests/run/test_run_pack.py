"""A pack, end to end: what its trials report and keep, and a failure that concerns one of them."""

from dataclasses import replace

import pytest
import torch

from ablate.data.dataset import Data
from ablate.encoder import load_encoders
from ablate.events import Activity, Ended, EpochValues, Progress, State
from ablate.run import training_set
from ablate.testing.pack_runs import (
    MakeContext,
    Slope,
    ascent_trial,
    assert_same,
    curves,
    records,
    run,
    slope_trial,
    updates,
)
from ablate.track.spool_records import SpoolArtifact, SpoolFinish


def test_a_trial_is_trained_scored_drawn_and_kept(make_context: MakeContext) -> None:
    trial, context = slope_trial(), make_context()
    (ended,) = run([trial], context)
    assert ended.state is State.FINISHED
    logged = curves(trial, context)
    assert [epoch for epoch, _ in logged["train/loss"]] == [1, 2]
    assert logged["linear/accuracy"] == [(2, ended.metrics["linear/accuracy"])]
    assert [record.file for record in records(trial, context, SpoolArtifact)] == [
        "embedding.png",
        "encoder.pt",
        "log.txt",
    ]
    assert [record.state for record in records(trial, context, SpoolFinish)] == [State.FINISHED]
    assert "epoch 2  train/loss" in context.paths.trial(trial.key).log.read_text()


def test_progress_counts_epochs_and_the_share_of_training(make_context: MakeContext) -> None:
    trial, context = slope_trial(), make_context()
    progress = [update for update in updates([trial], context) if isinstance(update, Progress)]
    assert [update.epoch for update in progress] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 0]
    assert [update.share for update in progress[:-1]] == pytest.approx([step / 10 for step in range(1, 11)])
    assert (progress[-1].trials, progress[-1].activity) == ((trial.key,), Activity.SCORING)


def test_the_epochs_of_every_member_are_reported_as_they_are_recorded(make_context: MakeContext) -> None:
    pair, context = [slope_trial(0), slope_trial(1)], make_context()
    epochs = [update for update in updates(pair, context) if isinstance(update, EpochValues)]
    for trial in pair:
        reported = [(one.epoch, one.values["train/loss"]) for one in epochs if one.trial == trial.key]
        assert reported == curves(trial, context)["train/loss"]
        assert [epoch for epoch, _ in reported] == [1, 2]


def test_training_may_see_a_balanced_part_of_the_data() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 0, 1])
    data = Data(torch.arange(10.0).unsqueeze(1), labels, torch.arange(10) > 7, 1.0, "train")
    part = training_set(data, 4)
    assert part.labels.sort().values.tolist() == [0, 0, 1, 1]
    assert len(training_set(data, 0).inputs) == 8


def test_memory_that_runs_out_is_a_state_of_its_own(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Slope, "init", exhausted)
    (ended,) = run([slope_trial()], make_context())
    assert (ended.state, ended.reason) == (State.OUT_OF_MEMORY, "OutOfMemoryError: CUDA out of memory")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("loss", "RuntimeError: the loss is lost"),
        (
            "embedding",
            "the embedding of the train split is not finite for 1437 of 1437 samples; training has diverged: lower"
            " the learning rate, or check the loss curve for divergence",
        ),
    ],
)
def test_an_exception_is_the_end_of_the_trial_with_a_traceback(
    make_context: MakeContext, fault: str, reason: str
) -> None:
    broken, sound, context = slope_trial(fault=fault), slope_trial(1), make_context()
    assert run([broken], context) == [Ended(broken.key, State.FAILED, reason)]
    text = context.paths.trial(broken.key).traceback.read_text()
    assert text.startswith("Traceback")
    assert reason in text
    assert "traceback.txt" in [record.file for record in records(broken, context, SpoolArtifact)]
    (end,) = records(broken, context, SpoolFinish)
    assert (end.state, end.reason) == (State.FAILED, reason)
    assert [ended.state for ended in run([sound], context)] == [State.FINISHED]


def test_a_trial_that_diverges_leaves_the_rest_of_its_pack_alone(make_context: MakeContext) -> None:
    diverging, sound = slope_trial(0, pull=1e38), slope_trial(1, pull=1.0)
    context, alone = make_context(), make_context("alone")
    first, second = run([diverging, sound], context)
    assert (first.state, first.reason) == (State.FAILED, "loss is not finite at step 1")
    assert [second] == run([sound], alone)
    assert_same(sound, context, alone)


def test_missing_data_fail_the_whole_pack(make_context: MakeContext) -> None:
    trials = [
        replace(trial, config=replace(trial.config, dataset="digitz")) for trial in (slope_trial(0), slope_trial(1))
    ]
    reason = "no data set is called 'digitz'; did you mean 'digits'?"
    assert run(trials, make_context()) == [Ended(trial.key, State.FAILED, reason) for trial in trials]


def test_a_failed_trial_that_then_finishes_has_no_traceback(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, context = slope_trial(), make_context()
    with monkeypatch.context() as patch:
        patch.delattr(Slope, "init")
        assert run([trial], context)[0].state is State.FAILED
    assert context.paths.trial(trial.key).traceback.exists()
    assert run([trial], context)[0].state is State.FINISHED
    assert not context.paths.trial(trial.key).traceback.exists()


def test_a_trial_starts_from_the_encoder_of_its_pretraining(make_context: MakeContext) -> None:
    first = slope_trial()
    context = replace(make_context(), pretraining=frozenset({first.key}))
    run([first], context)
    second = ascent_trial(first)
    (ended,) = run([second], context)
    assert ended.state is State.FINISHED
    before, after = (load_encoders(context.paths.trial(trial.key).encoder) for trial in (first, second))
    pulled, wanted = after[150].tensors["encoder.weight"], before[2].tensors["encoder.weight"]
    torch.testing.assert_close(pulled, wanted, atol=0.05, rtol=0)


def test_a_trial_without_its_pretraining_encoder_fails(make_context: MakeContext) -> None:
    second = ascent_trial(slope_trial())
    (ended,) = run([second], make_context())
    assert ended.state is State.FAILED
    assert f"the pretraining trial (slope, trial {slope_trial().key}) has no encoder; see why it failed" in ended.reason

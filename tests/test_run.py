"""One pack, end to end: a resumed trial equals one that never stopped; a failure or stop concerns one trial."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import pytest
import torch
from torch import Tensor

from ablate.data.dataset import Data
from ablate.data_info import DataInfo
from ablate.encoder import load_encoders
from ablate.events import Activity, Ended, EpochValues, Progress, State, TrialUpdate
from ablate.methods import METHODS
from ablate.methods.method import Method, Pretraining, Tensors
from ablate.options import Value, option
from ablate.paths import Store, StudyPaths
from ablate.planning.packs import make_packs
from ablate.planning.probe_digests import probe_digests
from ablate.probes import PROBES
from ablate.probes.probe import Embedded
from ablate.probes.size import Size
from ablate.run import is_trained, run_pack, training_set
from ablate.run_context import RunContext, never_stop
from ablate.stopping import StopRequest
from ablate.track.spool import SpoolTracker, history, read
from ablate.track.spool_records import SpoolArtifact, SpoolFinish, SpoolRecord
from ablate.train.checkpoint import load
from ablate.trial import Config, Trial

R = TypeVar("R", bound=SpoolRecord)
STEPS = 5  # of 256 points in an epoch of the digits


@dataclass(frozen=True)
class Slope(Method):
    """A linear encoder whose outputs are pulled towards zero, with a fault on request."""

    source: ClassVar[str] = "this test"
    fault: str = option("", "which part fails: loss, embedding or none")
    pull: float = option(1.0, "weight of the loss", above=0)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return {"encoder.weight": torch.randn(64, 2, generator=generator)}, {}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        z = inputs.flatten(1) @ params["encoder.weight"]
        return z * torch.nan if self.fault == "embedding" else z

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        if self.fault == "loss":
            raise RuntimeError("the loss is lost\nand found")
        loss = self.pull * (batch["input"].flatten(1) @ params["encoder.weight"]).square().mean()
        return loss, {"loss": loss}, state


@dataclass(frozen=True)
class Ascent(Slope):
    """Starts from the weights that a slope has learned."""

    def pretraining(self) -> Pretraining:
        return Pretraining("slope", {})

    def load_pretrained(self, params: Tensors, state: Tensors, first: Tensors) -> tuple[Tensors, Tensors]:
        return params, {**state, "first.weight": first["encoder.weight"]}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        loss = (params["encoder.weight"] - state["first.weight"]).square().sum()
        return loss, {"loss": loss}, state


@pytest.fixture(autouse=True)
def slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "slope", Slope)
    monkeypatch.setitem(METHODS, "ascent", Ascent)


@pytest.fixture(scope="session")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tensors")


MakeContext = Callable[..., RunContext]
StopRequests = Callable[[str], StopRequest | None]
STOP = StopRequest(State.STOPPED, "stopped on request")


@pytest.fixture
def make_context(tmp_path: Path, tensors: Path) -> MakeContext:
    def make(folder: str = "study", stop: StopRequests = never_stop) -> RunContext:
        paths = StudyPaths(tmp_path / folder)
        return RunContext(paths, tensors, SpoolTracker(paths), torch.device("cpu"), stop_request=stop)

    return make


def slope_trial(seed: int = 0, **settings: Value) -> Trial:
    config = Config("slope", "1", settings, "digits", "1", {"epochs": 2}, seed)
    return Trial(config, {"linear": {"epochs": 2}}, "study")


def invariant_trial(seed: int = 0, epochs: int = 2, **settings: Value) -> Trial:
    """A trial of the real method, with batch norm and a state that moves."""
    config = Config("invariant", "1", {"k": 10, **settings}, "digits", "1", {"epochs": epochs}, seed)
    return Trial(config, {"linear": {"epochs": 2}}, "study")


@pytest.mark.parametrize(("most", "accelerated", "expected"), [("auto", False, 1), ("auto", True, 16), (4, False, 4)])
def test_packs_have_the_requested_size_or_the_one_measured_to_be_fastest(
    most: Literal["auto"] | int, accelerated: bool, expected: int
) -> None:
    trials = [invariant_trial(seed, epsilon=0.5 + seed) for seed in range(20)]
    assert next(len(members) for members in make_packs(trials, most, accelerated)) == expected


def test_convolutions_and_fitted_methods_are_not_packed() -> None:
    folded = [invariant_trial(seed, network="cnn") for seed in range(3)]
    assert make_packs(folded, "auto", True) == tuple((trial,) for trial in folded)
    assert make_packs(folded, 3, True) == (tuple(folded),)
    fitted = [replace(trial, config=replace(trial.config, method="pca", settings={})) for trial in folded]
    assert make_packs(fitted, 3, True) == tuple((trial,) for trial in fitted)


class After:
    """Requests a stop from the n-th lookup on, of all trials or of the one with this key."""

    def __init__(self, lookups: int, request: StopRequest = STOP, key: str = "") -> None:
        self.left, self.request, self.key = lookups, request, key

    def __call__(self, key: str) -> StopRequest | None:
        if self.key and key != self.key:
            return None
        self.left -= 1
        return self.request if self.left <= 0 else None


def updates(trials: Sequence[Trial], context: RunContext) -> list[TrialUpdate]:
    assert isinstance(context.tracker, SpoolTracker)
    with context.tracker:
        return list(run_pack(trials, context))


def ends(found: Iterable[TrialUpdate]) -> dict[str, Ended]:
    return {update.trial: update for update in found if isinstance(update, Ended)}


def run(trials: Sequence[Trial], context: RunContext) -> list[Ended]:
    """How the trials of a pack end, in their order."""
    by_key = ends(updates(trials, context))
    return [by_key[trial.key] for trial in trials]


def curves(trial: Trial, context: RunContext) -> dict[str, list[tuple[int, float]]]:
    return history(context.paths.trial(trial.key).spool)


def trained(trial: Trial, context: RunContext) -> dict[int, dict[str, Tensor]]:
    encoders = load_encoders(context.paths.trial(trial.key).encoder)
    return {epoch: dict(encoder.tensors) for epoch, encoder in encoders.items()}


def assert_same(trial: Trial, one: RunContext, other: RunContext) -> None:
    """Metrics and encoders are equal, bit for bit."""
    assert curves(trial, one) == curves(trial, other)
    mine, theirs = trained(trial, one), trained(trial, other)
    assert mine.keys() == theirs.keys()
    for epoch, tensors in mine.items():
        assert tensors.keys() == theirs[epoch].keys()
        assert all(torch.equal(tensor, theirs[epoch][name]) for name, tensor in tensors.items())


def records(trial: Trial, context: RunContext, kind: type[R]) -> list[R]:
    """The records of one kind in a trial's spool."""
    return [record for record in read(context.paths.trial(trial.key).spool, 0)[0] if isinstance(record, kind)]


def test_a_trial_is_trained_scored_drawn_and_kept(make_context: MakeContext) -> None:
    trial, context = slope_trial(), make_context()
    (ended,) = run([trial], context)
    assert ended.state is State.FINISHED
    logged = curves(trial, context)
    assert [epoch for epoch, _ in logged["train/loss"]] == [1, 2]
    assert logged["linear/accuracy"] == [(2, ended.metrics["linear/accuracy"])]
    assert [record.file for record in records(trial, context, SpoolArtifact)] == [
        "losses.png",
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


PRUNE = StopRequest(State.PRUNED, "worse than the median")


def test_a_member_that_is_pruned_ends_with_its_reason_and_leaves_the_others_unchanged(
    make_context: MakeContext,
) -> None:
    trio = [invariant_trial(seed, epsilon=0.4 + seed / 10) for seed in range(3)]
    alone, together = make_context("alone"), make_context("together", stop=After(STEPS + 2, PRUNE, trio[1].key))
    first, second, third = run(trio, together)
    assert second == Ended(trio[1].key, State.PRUNED, PRUNE.reason)
    assert [first, third] == [*run([trio[0]], alone), *run([trio[2]], alone)]
    assert_same(trio[0], together, alone)
    assert_same(trio[2], together, alone)
    assert [epoch for epoch, _ in curves(trio[1], together)["train/loss"]] == [1]
    (end,) = records(trio[1], together, SpoolFinish)
    assert (end.state, end.reason) == (State.PRUNED, PRUNE.reason)


def test_a_member_that_is_stopped_alone_goes_on_bit_for_bit(make_context: MakeContext) -> None:
    pair, whole = [invariant_trial(0), invariant_trial(1)], make_context("whole")
    expected = run(pair, whole)
    stopped = run(pair, make_context("stopped", stop=After(3, STOP, pair[0].key)))
    assert stopped == [Ended(pair[0].key, State.STOPPED, STOP.reason), expected[1]]
    assert run(pair[:1], make_context("stopped")) == expected[:1]
    assert_same(pair[0], make_context("stopped"), whole)


def test_memory_that_runs_out_is_a_state_of_its_own(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Slope, "init", exhausted)
    (ended,) = run([slope_trial()], make_context())
    assert (ended.state, ended.reason) == (State.OUT_OF_MEMORY, "OutOfMemoryError: CUDA out of memory")


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, STEPS, STEPS + 2, 2 * STEPS, 2 * STEPS + 1])
def test_a_stopped_trial_goes_on_bit_for_bit(make_context: MakeContext, step: int) -> None:
    trial, whole = invariant_trial(), make_context("whole")
    (expected,) = run([trial], whole)
    stopped = make_context("stopped", stop=After(step))
    (ended,) = run([trial], stopped)
    assert ended == Ended(trial.key, State.STOPPED, STOP.reason)
    assert records(trial, stopped, SpoolFinish) == []
    resumed = make_context("stopped")
    assert run([trial], resumed) == [expected]
    assert_same(trial, resumed, whole)


def test_a_trial_that_is_stopped_at_every_step_is_trained_to_the_end(make_context: MakeContext) -> None:
    trial, whole = slope_trial(), make_context("whole")
    (expected,) = run([trial], whole)
    states = []
    for _ in range(2 * STEPS + 2):
        (ended,) = run([trial], make_context("stuttering", stop=After(1)))
        states.append(ended.state)
    assert set(states) == {State.STOPPED}
    assert run([trial], make_context("stuttering")) == [expected]
    assert_same(trial, make_context("stuttering"), whole)


@pytest.mark.slow
def test_packed_trials_equal_trials_alone(make_context: MakeContext) -> None:
    pair = [invariant_trial(0, epsilon=0.4), invariant_trial(1, epsilon=0.8)]
    together, alone = make_context("together"), make_context("alone")
    assert run(pair, together) == [ended for trial in pair for ended in run([trial], alone)]
    for trial in pair:
        assert_same(trial, together, alone)


def test_trials_of_a_pack_at_different_steps_are_all_trained_to_the_end(make_context: MakeContext) -> None:
    first, second = slope_trial(0), slope_trial(1)
    alone, context = make_context("alone"), make_context()
    run([first], make_context(stop=After(3)))
    assert run([first, second], context) == [*run([first], alone), *run([second], alone)]
    assert_same(first, context, alone)


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


@dataclass(frozen=True)
class Fragile(Size):
    """The size probe, with a fault on request."""

    fault: bool = option(True, "whether it fails")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        if self.fault:
            raise RuntimeError("the weights are away\nand far")
        return super().score(embedded, seed)


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROBES, "fragile", Fragile)


@pytest.mark.usefixtures("fragile")
def test_a_probe_that_fails_leaves_the_trial_finished_with_the_scores_of_the_others(make_context: MakeContext) -> None:
    trial = replace(slope_trial(), probes={"fragile": {}, "linear": {"epochs": 2}, "size": {}})
    context, sound = make_context(), make_context("sound")
    (ended,) = run([trial], context)
    assert (ended.state, ended.reason) == (State.FINISHED, "")
    assert ended.failed_probes == {"fragile": "RuntimeError: the weights are away"}
    (expected,) = run([replace(trial, probes={"linear": {"epochs": 2}, "size": {}})], sound)
    assert ended.metrics == expected.metrics
    paths = context.paths.trial(trial.key)
    assert "the probe fragile failed: RuntimeError: the weights are away" in paths.log.read_text()
    assert paths.traceback.read_text().startswith("The probe fragile failed:\nTraceback")
    (finish,) = records(trial, context, SpoolFinish)
    assert {name: failure.reason for name, failure in finish.failed_probes.items()} == dict(ended.failed_probes)


@pytest.mark.usefixtures("fragile")
def test_scores_are_recorded_as_probes_end_and_not_measured_again_after_a_crash(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = replace(slope_trial(), probes={"size": {}, "fragile": {"fault": False}})
    (expected,) = run([trial], make_context("whole"))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Fragile, "score", die)
        with pytest.raises(KeyboardInterrupt):
            run([trial], make_context())
    with monkeypatch.context() as patch:
        patch.setattr(Size, "score", lambda *_: {"million_parameters": -1.0})
        patch.setattr(Fragile, "score", lambda *_: {"million_parameters": expected.metrics["size/million_parameters"]})
        assert run([trial], make_context()) == [expected]


def spoil(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip(file: Path) -> None:
    """Change one bit of a learned weight, and the archive's checksums accordingly."""
    content = torch.load(file, weights_only=True)
    snapshots = content["epochs"] if "epochs" in content else {0: content["params"]}
    next(iter(snapshots[max(snapshots)].values())).view(torch.int32)[0, 0] ^= 1
    torch.save(content, file)


@pytest.mark.parametrize("damage", [spoil, flip])
def test_a_damaged_encoder_is_set_aside_and_its_trial_trained_again(
    make_context: MakeContext, damage: Callable[[Path], None]
) -> None:
    pair = [slope_trial(0), slope_trial(1)]
    expected = run(pair, make_context("whole"))
    run(pair, make_context(stop=After(2 * 2 * STEPS + 1)))
    context = make_context()
    paths = context.paths.trial(pair[0].key)
    damage(paths.encoder)
    assert run(pair, context) == expected
    assert_same(pair[0], context, make_context("whole"))
    assert paths.encoder.with_name("encoder.pt.damaged").exists()
    assert "encoder.pt is set aside as encoder.pt.damaged" in paths.log.read_text()


@pytest.mark.parametrize("damage", [spoil, flip])
def test_a_damaged_checkpoint_is_set_aside_and_its_trial_trained_again(
    make_context: MakeContext, damage: Callable[[Path], None]
) -> None:
    trial, whole = slope_trial(), make_context("whole")
    expected = run([trial], whole)
    run([trial], make_context(stop=After(STEPS + 2)))
    context = make_context()
    paths = context.paths.trial(trial.key)
    damage(paths.checkpoint)
    assert run([trial], context) == expected
    assert_same(trial, context, whole)
    assert "checkpoint.pt is set aside as checkpoint.pt.damaged" in paths.log.read_text()


@pytest.mark.parametrize("stopped", [STEPS + 2, 2 * STEPS + 1])
@pytest.mark.parametrize("name", ["checkpoint.pt", "encoder.pt", "spool.jsonl", "all"])
def test_files_of_another_trial_are_set_aside_and_the_numbers_stay_the_trials_own(
    make_context: MakeContext, name: str, stopped: int
) -> None:
    trial, other, whole = slope_trial(0), slope_trial(0, pull=0.5), make_context("whole")
    expected = run([trial], whole)
    for one in (trial, other):
        run([one], make_context(stop=After(stopped)))
    context = make_context()
    own, foreign = context.paths.trial(trial.key), context.paths.trial(other.key)
    copied = [file for file in foreign.folder.iterdir() if file.name == name or name == "all"]
    for file in copied:
        shutil.copy(file, own.folder)
    assert run([trial], context) == expected
    assert_same(trial, context, whole)
    if copied:
        assert f"is of trial {other.key}" in own.log.read_text()


@pytest.mark.parametrize("stopped", [STEPS + 2, 2 * STEPS + 1])
def test_a_spool_that_is_cut_at_any_record_leads_to_the_whole_curve(make_context: MakeContext, stopped: int) -> None:
    """As after a power failure on a disk that loses what was flushed to it, while checkpoint and encoder are kept."""
    trial, whole = slope_trial(), make_context("whole")
    expected = run([trial], whole)
    run([trial], make_context(stop=After(stopped)))
    paths = make_context().paths.trial(trial.key)
    kept = {file: file.read_bytes() for file in paths.folder.iterdir()}
    ends = [at + 1 for at, byte in enumerate(kept[paths.spool]) if byte == ord("\n")]
    for end in {0, *(end + shift for end in ends for shift in (-1, 0, 1))}:
        shutil.rmtree(paths.folder)
        paths.folder.mkdir()
        for file, content in kept.items():
            file.write_bytes(content)
        paths.spool.write_bytes(kept[paths.spool][:end])
        assert run([trial], make_context()) == expected
        assert_same(trial, make_context(), whole)


@pytest.mark.parametrize("stopped", [STEPS + 2, 2 * STEPS + 1])
def test_no_file_outlives_a_record_before_it_wherever_a_power_failure_cuts_the_spool(
    make_context: MakeContext, stopped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was flushed is kept, and of the rest any number of bytes; checkpoint and encoder are then usable."""
    flushed: dict[Path, int] = {}
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        flushed[path] = path.stat().st_size

    monkeypatch.setattr(os, "fsync", note)
    trial = slope_trial()
    run([trial], make_context(stop=After(stopped)))
    paths = make_context().paths.trial(trial.key)
    content = paths.spool.read_bytes()
    assert paths.folder in flushed  # with the names of its files
    assert {file.name for file in flushed} >= {"spool.jsonl", paths.folder.name}
    for end in range(flushed[paths.spool], len(content) + 1):
        paths.spool.write_bytes(content[:end])
        context = make_context()
        assert isinstance(context.tracker, SpoolTracker)
        with context.tracker as tracker:
            tracker.start(trial)
            usable = load(paths.checkpoint, trial.key, tracker.sync(trial)) is not None
            assert (usable, is_trained(trial, context)) == (stopped < 2 * STEPS, stopped > 2 * STEPS)


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


def test_a_trained_trial_is_scored_and_not_trained_again(make_context: MakeContext) -> None:
    trial, context = slope_trial(), make_context()
    (before,) = run([trial], context)
    encoder = context.paths.trial(trial.key).encoder
    kept = encoder.read_bytes()
    more = replace(trial, probes={**trial.probes, "knn": {}})
    sent = updates([more], context)
    assert [update.activity for update in sent if isinstance(update, Progress)] == [
        Activity.SCORING
    ] * 2  # once per probe
    (after,) = ends(sent).values()
    assert {name.partition("/")[0] for name in set(after.metrics) - set(before.metrics)} == {"knn"}
    assert {**after.metrics, **before.metrics} == after.metrics
    assert encoder.read_bytes() == kept
    assert [epoch for epoch, _ in curves(trial, context)["train/loss"]] == [1, 2]


def ascent_trial(first: Trial) -> Trial:
    return replace(first, config=replace(first.config, method="ascent", training={"epochs": 150}, first=first.config))


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


def test_training_may_see_a_balanced_part_of_the_data() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 0, 1])
    data = Data(torch.arange(10.0).unsqueeze(1), labels, torch.arange(10) > 7, 1.0, "train")
    part = training_set(data, 4)
    assert part.labels.sort().values.tolist() == [0, 0, 1, 1]
    assert len(training_set(data, 0).inputs) == 8


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


def test_a_probe_digest_depends_on_its_settings_and_not_on_the_seed() -> None:
    trial = slope_trial()
    other = replace(trial, probes={"linear": {"epochs": 3}})
    assert probe_digests(trial) == probe_digests(slope_trial(seed=1))
    assert probe_digests(trial) != probe_digests(other)


def alone(
    folder: Path, *trials: Trial, command: Sequence[str] = ("-m", "ablate.run")
) -> subprocess.CompletedProcess[str]:
    """Run trials in a process of their own, with as many threads as this one has."""
    folder.mkdir()
    (folder / "trials.json").write_text(json.dumps([trial.to_json() for trial in trials]))
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.run(
        [sys.executable, *command, "trials.json"],
        cwd=folder,
        env={**os.environ, **threads, "ABLATE_STORE": str(folder / "store")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_trials_in_one_process_equal_trials_in_processes_of_their_own(
    make_context: MakeContext, tmp_path: Path
) -> None:
    trials = [invariant_trial(0, epsilon=0.4), invariant_trial(1, epsilon=0.8)]
    shared = make_context()
    for trial in trials:
        (ended,) = run([trial], shared)
        done = alone(tmp_path / trial.key, trial)
        assert done.returncode == 0, done.stderr
        printed = json.loads(done.stdout)
        assert (printed["state"], printed["metrics"]) == ("finished", ended.metrics)
        own = replace(shared, paths=Store(tmp_path / trial.key / "store").study("study"))
        assert_same(trial, own, shared)


@pytest.mark.slow
def test_a_trial_runs_without_ray_mlflow_and_optuna(tmp_path: Path) -> None:
    """Nor torch's compiler, whose import takes longer than most of ours."""
    program = (
        "import runpy, sys\n"
        "absent = ['ray', 'mlflow', 'optuna', 'pydantic', 'yaml', 'typer', 'psutil', 'torch._dynamo']\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        "runpy.run_module('ablate.run', run_name='__main__')\n"
    )
    done = alone(tmp_path / "alone", invariant_trial(epochs=1), command=("-c", program))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "finished"


@pytest.mark.slow
def test_a_trial_that_fails_ends_its_process_with_code_one(tmp_path: Path) -> None:
    trial = invariant_trial(epochs=1)
    diverging = replace(trial, config=replace(trial.config, training={"epochs": 1, "learning_rate": 1e30}))
    done = alone(tmp_path / "alone", diverging)
    assert done.returncode == 1
    printed = json.loads(done.stdout)
    assert printed["state"] == "failed"
    assert printed["reason"].startswith("loss is not finite at step ")


@pytest.mark.slow
def test_pretraining_is_run_first_wherever_it_is_listed(tmp_path: Path) -> None:
    small = {**METHODS["predictive-transformation"].datasets["digits"], "width": 8, "latent_dim": 8, "hidden": 16}
    first = Config("predictive-transformation", "1", small, "digits", "1", {"epochs": 1}, 0)
    after = Trial(
        replace(first, method="vte-barber-agakov", settings={**small, "two_phase": True}, first=first), {}, "s"
    )
    for trials in ([after], [after, Trial(first, {}, "s")]):
        done = alone(tmp_path / str(len(trials)), *trials)
        assert done.returncode == 0, done.stdout + done.stderr
        printed = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(each["trial"], each["state"]) for each in printed] == [
            (first.key, "finished"),
            (after.key, "finished"),
        ]

"""One pack, end to end: what is stopped goes on as if nothing had been, and nobody's fate is another's."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor

from ablate.data.dataset import Data
from ablate.data_info import DataInfo
from ablate.encoder import load_encoders
from ablate.events import Outcome, Progress
from ablate.methods import METHODS
from ablate.methods.method import Method, Pretraining, Tensors
from ablate.options import Value, option
from ablate.paths import Store, StudyPaths
from ablate.run import Report, RunContext, packed, probe_digests, run_pack, training_set
from ablate.track.spool import SpoolTracker, history, read
from ablate.trial import Config, Trial

STEPS = 5  # of 256 points in an epoch of the digits


@dataclass(frozen=True)
class Slope(Method):
    """A linear encoder that is pulled towards zero, and goes wrong where it is told to."""

    source: ClassVar[str] = "this test"
    fault: str = option("", "what goes wrong: loss, embedding or nothing")
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
    """Goes on from the weights of a slope."""

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


MakeBench = Callable[..., RunContext]


@pytest.fixture
def make_bench(tmp_path: Path, tensors: Path) -> MakeBench:
    def make(folder: str = "study", stop: Callable[[], bool] = lambda: False) -> RunContext:
        paths = StudyPaths(tmp_path / folder)
        return RunContext(paths, tensors, SpoolTracker(paths), torch.device("cpu"), stop=stop)

    return make


def slope_job(seed: int = 0, **settings: Value) -> Trial:
    config = Config("slope", "1", settings, "digits", "1", {"epochs": 2}, seed)
    return Trial(config, {"linear": {"epochs": 2}}, "study")


def invariant_job(seed: int = 0, epochs: int = 2, **settings: Value) -> Trial:
    """A trial of the real method, with batch norm and a state that moves."""
    config = Config("invariant", "1", {"k": 10, **settings}, "digits", "1", {"epochs": epochs}, seed)
    return Trial(config, {"linear": {"epochs": 2}}, "study")


@pytest.mark.parametrize(("most", "accelerated", "expected"), [("auto", False, 1), ("auto", True, 16), (4, False, 4)])
def test_packs_are_as_large_as_asked_else_as_pays(
    most: Literal["auto"] | int, accelerated: bool, expected: int
) -> None:
    trials = [invariant_job(seed, epsilon=0.5 + seed) for seed in range(20)]
    assert next(len(members) for members in packed(trials, most, accelerated)) == expected


def test_convolutions_fill_an_accelerator_alone_and_what_is_fitted_takes_no_steps() -> None:
    folded = [invariant_job(seed, network="cnn") for seed in range(3)]
    assert packed(folded, "auto", True) == tuple((trial,) for trial in folded)
    assert packed(folded, 3, True) == (tuple(folded),)
    fitted = [replace(trial, config=replace(trial.config, method="pca", settings={})) for trial in folded]
    assert packed(fitted, 3, True) == tuple((trial,) for trial in fitted)


class After:
    """Asks for a stop once it has been asked so often."""

    def __init__(self, asked: int) -> None:
        self.left = asked

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def reports(trials: Sequence[Trial], context: RunContext) -> list[Report]:
    assert isinstance(context.tracker, SpoolTracker)
    with context.tracker:
        return list(run_pack(trials, context))


def outcomes(said: Iterable[Report]) -> dict[str, Outcome]:
    return {report.key: report for report in said if isinstance(report, Outcome)}


def run(trials: Sequence[Trial], context: RunContext) -> list[Outcome]:
    """How the jobs of a pack end, in their order."""
    ended = outcomes(reports(trials, context))
    return [ended[trial.key] for trial in trials]


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


def records(trial: Trial, context: RunContext, kind: str) -> list[dict[str, Any]]:
    return [record for record in read(context.paths.trial(trial.key).spool, 0)[0] if record["kind"] == kind]


def test_a_trial_is_trained_scored_drawn_and_kept(make_bench: MakeBench) -> None:
    trial, context = slope_job(), make_bench()
    (outcome,) = run([trial], context)
    assert outcome.status == "FINISHED"
    assert outcome.metrics is not None
    told = curves(trial, context)
    assert [epoch for epoch, _ in told["train/loss"]] == [1, 2]
    assert told["linear/accuracy"] == [(2, outcome.metrics["linear/accuracy"])]
    assert [record["file"] for record in records(trial, context, "artifact")] == [
        "losses.png",
        "embedding.png",
        "encoder.pt",
        "log.txt",
    ]
    assert [record["status"] for record in records(trial, context, "finish")] == ["FINISHED"]
    assert "epoch 2  train/loss" in context.paths.trial(trial.key).log.read_text()


def test_progress_says_who_trains_and_how_far(make_bench: MakeBench) -> None:
    trial, context = slope_job(), make_bench()
    said = [report for report in reports([trial], context) if isinstance(report, Progress)]
    assert [report.epoch for report in said] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 0]
    assert [report.share for report in said[:-1]] == pytest.approx([step / 10 for step in range(1, 11)])
    assert (said[-1].keys, said[-1].doing) == ((trial.key,), "scoring")
    assert said[0].values == {}
    assert set(said[5].values) == {"train/loss"}


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, STEPS, STEPS + 2, 2 * STEPS, 2 * STEPS + 1])
def test_a_trial_that_was_stopped_goes_on_bit_for_bit(make_bench: MakeBench, step: int) -> None:
    trial, whole = invariant_job(), make_bench("whole")
    (expected,) = run([trial], whole)
    stopped = make_bench("stopped", stop=After(step))
    (outcome,) = run([trial], stopped)
    assert outcome == Outcome(trial.key, "STOPPED")
    assert records(trial, stopped, "finish") == []
    resumed = make_bench("stopped")
    assert run([trial], resumed) == [expected]
    assert_same(trial, resumed, whole)


def test_a_trial_that_is_stopped_at_every_step_still_arrives(make_bench: MakeBench) -> None:
    trial, whole = slope_job(), make_bench("whole")
    (expected,) = run([trial], whole)
    statuses = []
    for _ in range(2 * STEPS + 2):
        (outcome,) = run([trial], make_bench("stuttering", stop=After(1)))
        statuses.append(outcome.status)
    assert set(statuses) == {"STOPPED"}
    assert run([trial], make_bench("stuttering")) == [expected]
    assert_same(trial, make_bench("stuttering"), whole)


@pytest.mark.slow
def test_a_pack_gives_what_its_trials_give_alone(make_bench: MakeBench) -> None:
    pair = [invariant_job(0, epsilon=0.4), invariant_job(1, epsilon=0.8)]
    together, alone = make_bench("together"), make_bench("alone")
    assert run(pair, together) == [outcome for trial in pair for outcome in run([trial], alone)]
    for trial in pair:
        assert_same(trial, together, alone)


def test_trials_of_a_pack_that_stand_at_different_steps_arrive_together(make_bench: MakeBench) -> None:
    first, second = slope_job(0), slope_job(1)
    alone, context = make_bench("alone"), make_bench()
    run([first], make_bench(stop=After(3)))
    assert run([first, second], context) == [*run([first], alone), *run([second], alone)]
    assert_same(first, context, alone)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("loss", "RuntimeError: the loss is lost"),
        (
            "embedding",
            "the embedding of the train split is not finite for 1437 of 1437 samples; training has diverged: lower"
            " the learning rate, or see where the loss left its course",
        ),
    ],
)
def test_what_goes_wrong_is_a_result_with_a_traceback(make_bench: MakeBench, fault: str, reason: str) -> None:
    broken, sound, context = slope_job(fault=fault), slope_job(1), make_bench()
    assert run([broken], context) == [Outcome(broken.key, "FAILED", reason)]
    told = context.paths.trial(broken.key).traceback.read_text()
    assert told.startswith("Traceback")
    assert reason in told
    assert "traceback.txt" in [record["file"] for record in records(broken, context, "artifact")]
    (end,) = records(broken, context, "finish")
    assert (end["status"], end["reason"]) == ("FAILED", reason)
    assert [outcome.status for outcome in run([sound], context)] == ["FINISHED"]


def test_a_probe_that_fails_on_one_trial_leaves_the_rest_of_its_pack_alone(make_bench: MakeBench) -> None:
    pair = [slope_job(0), slope_job(1)]
    context, alone = make_bench(), make_bench("alone")
    run(pair[:1], make_bench(stop=After(2 * STEPS + 1)))
    spoil(context.paths.trial(pair[0].key).encoder)
    first, second = run(pair, context)
    assert (first.status, second.status) == ("FAILED", "FINISHED")
    assert [second] == run(pair[1:], alone)


def spoil(encoder: Path) -> None:
    encoder.write_bytes(encoder.read_bytes()[:-100])


def test_a_trial_that_diverges_leaves_the_rest_of_its_pack_alone(make_bench: MakeBench) -> None:
    diverging, sound = slope_job(0, pull=1e38), slope_job(1, pull=1.0)
    context, alone = make_bench(), make_bench("alone")
    first, second = run([diverging, sound], context)
    assert (first.status, first.reason) == ("FAILED", "loss is not finite at step 1")
    assert [second] == run([sound], alone)
    assert_same(sound, context, alone)


def test_data_that_cannot_be_had_are_the_result_of_the_whole_pack(make_bench: MakeBench) -> None:
    trials = [replace(trial, config=replace(trial.config, dataset="digitz")) for trial in (slope_job(0), slope_job(1))]
    reason = "no data set is called 'digitz'; did you mean 'digits'?"
    assert run(trials, make_bench()) == [Outcome(trial.key, "FAILED", reason) for trial in trials]


def test_a_trained_trial_is_scored_and_not_trained_again(make_bench: MakeBench) -> None:
    trial, context = slope_job(), make_bench()
    (before,) = run([trial], context)
    encoder = context.paths.trial(trial.key).encoder
    kept = encoder.read_bytes()
    more = replace(trial, probes={**trial.probes, "knn": {}})
    said = reports([more], context)
    assert [report.doing for report in said if isinstance(report, Progress)] == ["scoring"] * 2  # once per probe
    (after,) = outcomes(said).values()
    assert before.metrics is not None
    assert after.metrics is not None
    assert {name.partition("/")[0] for name in set(after.metrics) - set(before.metrics)} == {"knn"}
    assert {**after.metrics, **before.metrics} == after.metrics
    assert encoder.read_bytes() == kept
    assert [epoch for epoch, _ in curves(trial, context)["train/loss"]] == [1, 2]


def ascent_job(first: Trial) -> Trial:
    return replace(first, config=replace(first.config, method="ascent", training={"epochs": 150}, first=first.config))


def test_a_second_phase_starts_from_what_the_first_has_learned(make_bench: MakeBench) -> None:
    first = slope_job()
    context = replace(make_bench(), firsts=frozenset({first.key}))
    run([first], context)
    second = ascent_job(first)
    (outcome,) = run([second], context)
    assert outcome.status == "FINISHED"
    before, after = (load_encoders(context.paths.trial(trial.key).encoder) for trial in (first, second))
    pulled, wanted = after[150].tensors["encoder.weight"], before[2].tensors["encoder.weight"]
    torch.testing.assert_close(pulled, wanted, atol=0.05, rtol=0)


def test_a_second_phase_without_a_first_says_so(make_bench: MakeBench) -> None:
    second = ascent_job(slope_job())
    (outcome,) = run([second], make_bench())
    assert outcome.status == "FAILED"
    assert f"the first phase (slope, trial {slope_job().key}) has no encoder; see why it failed" in outcome.reason


def test_training_may_see_a_balanced_part_of_the_data() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 0, 1])
    data = Data(torch.arange(10.0).unsqueeze(1), labels, torch.arange(10) > 7, 1.0, "train")
    part = training_set(data, 4)
    assert part.labels.sort().values.tolist() == [0, 0, 1, 1]
    assert len(training_set(data, 0).inputs) == 8


def test_a_failure_that_was_mended_leaves_no_traceback(make_bench: MakeBench) -> None:
    trial, context = slope_job(), make_bench()
    encoder = context.paths.trial(trial.key).encoder
    encoder.parent.mkdir(parents=True)
    encoder.write_bytes(b"half")
    assert run([trial], context)[0].status == "FAILED"
    encoder.unlink()
    assert run([trial], context)[0].status == "FINISHED"
    assert not context.paths.trial(trial.key).traceback.exists()


def test_a_probe_is_known_by_its_revision_and_settings() -> None:
    trial = slope_job()
    other = replace(trial, probes={"linear": {"epochs": 3}})
    assert probe_digests(trial) == probe_digests(slope_job(seed=1))
    assert probe_digests(trial) != probe_digests(other)


def alone(
    folder: Path, *trials: Trial, command: Sequence[str] = ("-m", "ablate.run")
) -> subprocess.CompletedProcess[str]:
    """Run jobs in a process of their own, with as many threads as this one has."""
    folder.mkdir()
    (folder / "jobs.json").write_text(json.dumps([trial.to_json() for trial in trials]))
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.run(
        [sys.executable, *command, "jobs.json"],
        cwd=folder,
        env={**os.environ, **threads, "ABLATE_STORE": str(folder / "store")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_trials_after_one_another_in_a_process_feel_nothing_of_each_other(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    trials = [invariant_job(0, epsilon=0.4), invariant_job(1, epsilon=0.8)]
    shared = make_bench()
    for trial in trials:
        (outcome,) = run([trial], shared)
        done = alone(tmp_path / trial.key, trial)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["status"], told["metrics"]) == ("FINISHED", outcome.metrics)
        own = replace(shared, paths=Store(tmp_path / trial.key / "store").study("study"))
        assert_same(trial, own, shared)


@pytest.mark.slow
def test_a_trial_needs_none_of_the_services(tmp_path: Path) -> None:
    """Nor torch's compiler, whose import takes longer than most of ours."""
    program = (
        "import runpy, sys\n"
        "absent = ['ray', 'mlflow', 'optuna', 'pydantic', 'yaml', 'typer', 'psutil', 'torch._dynamo']\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        "runpy.run_module('ablate.run', run_name='__main__')\n"
    )
    done = alone(tmp_path / "alone", invariant_job(epochs=1), command=("-c", program))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "FINISHED"


@pytest.mark.slow
def test_a_trial_that_fails_ends_its_process_with_code_one(tmp_path: Path) -> None:
    trial = invariant_job(epochs=1)
    diverging = replace(trial, config=replace(trial.config, training={"epochs": 1, "learning_rate": 1e30}))
    done = alone(tmp_path / "alone", diverging)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["status"] == "FAILED"
    assert told["reason"].startswith("loss is not finite at step ")


@pytest.mark.slow
def test_a_first_phase_is_trained_before_what_starts_from_it_wherever_it_stands(tmp_path: Path) -> None:
    small = {**METHODS["predictive-transformation"].datasets["digits"], "width": 8, "latent_dim": 8, "hidden": 16}
    first = Config("predictive-transformation", "1", small, "digits", "1", {"epochs": 1}, 0)
    after = Trial(
        replace(first, method="vte-barber-agakov", settings={**small, "two_phase": True}, first=first), {}, "s"
    )
    for trials in ([after], [after, Trial(first, {}, "s")]):
        done = alone(tmp_path / str(len(trials)), *trials)
        assert done.returncode == 0, done.stdout + done.stderr
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(each["key"], each["status"]) for each in told] == [(first.key, "FINISHED"), (after.key, "FINISHED")]

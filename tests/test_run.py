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
from ablate.encoder import load_encoders
from ablate.events import Outcome, Progress
from ablate.methods import METHODS
from ablate.methods.method import Facts, First, Method, Tensors
from ablate.paths import Store, StudyPaths
from ablate.run import Bench, Report, packed, probe_digests, run_pack, training_set
from ablate.settings import Value, setting
from ablate.spec.trial import Job, Trial
from ablate.track.spool import SpoolTracker, history, read

STEPS = 5  # of 256 points in an epoch of the digits


@dataclass(frozen=True)
class Slope(Method):
    """A linear encoder that is pulled towards zero, and goes wrong where it is told to."""

    source: ClassVar[str] = "this test"
    fault: str = setting("", "what goes wrong: loss, embedding or nothing")
    pull: float = setting(1.0, "weight of the loss", above=0)

    def init(self, facts: Facts, generator: torch.Generator) -> tuple[Tensors, Tensors]:
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

    def first_phase(self) -> First:
        return First("slope", {})

    def inherit(self, params: Tensors, state: Tensors, first: Tensors) -> tuple[Tensors, Tensors]:
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


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(tmp_path: Path, tensors: Path) -> MakeBench:
    def make(folder: str = "study", stop: Callable[[], bool] = lambda: False) -> Bench:
        paths = StudyPaths(tmp_path / folder)
        return Bench(paths, tensors, SpoolTracker(paths), torch.device("cpu"), stop=stop)

    return make


def slope_job(seed: int = 0, **settings: Value) -> Job:
    trial = Trial("slope", "1", settings, "digits", "1", {"epochs": 2}, seed)
    return Job(trial, {"linear": {"epochs": 2}}, "study")


def invariant_job(seed: int = 0, epochs: int = 2, **settings: Value) -> Job:
    """A trial of the real method, with batch norm and a state that moves."""
    trial = Trial("invariant", "1", {"k": 10, **settings}, "digits", "1", {"epochs": epochs}, seed)
    return Job(trial, {"linear": {"epochs": 2}}, "study")


@pytest.mark.parametrize(("most", "accelerated", "expected"), [("auto", False, 1), ("auto", True, 16), (4, False, 4)])
def test_packs_are_as_large_as_asked_else_as_pays(
    most: Literal["auto"] | int, accelerated: bool, expected: int
) -> None:
    jobs = [invariant_job(seed, epsilon=0.5 + seed) for seed in range(20)]
    assert next(len(members) for members in packed(jobs, most, accelerated)) == expected


def test_convolutions_fill_an_accelerator_alone_and_what_is_fitted_takes_no_steps() -> None:
    folded = [invariant_job(seed, network="cnn") for seed in range(3)]
    assert packed(folded, "auto", True) == tuple((job,) for job in folded)
    assert packed(folded, 3, True) == (tuple(folded),)
    fitted = [replace(job, trial=replace(job.trial, method="pca", settings={})) for job in folded]
    assert packed(fitted, 3, True) == tuple((job,) for job in fitted)


class After:
    """Asks for a stop once it has been asked so often."""

    def __init__(self, asked: int) -> None:
        self.left = asked

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def reports(jobs: Sequence[Job], bench: Bench) -> list[Report]:
    assert isinstance(bench.tracker, SpoolTracker)
    with bench.tracker:
        return list(run_pack(jobs, bench))


def outcomes(said: Iterable[Report]) -> dict[str, Outcome]:
    return {report.key: report for report in said if isinstance(report, Outcome)}


def run(jobs: Sequence[Job], bench: Bench) -> list[Outcome]:
    """How the jobs of a pack end, in their order."""
    ended = outcomes(reports(jobs, bench))
    return [ended[job.key] for job in jobs]


def curves(job: Job, bench: Bench) -> dict[str, list[tuple[int, float]]]:
    return history(bench.paths.trial(job.key).spool)


def trained(job: Job, bench: Bench) -> dict[int, dict[str, Tensor]]:
    encoders = load_encoders(bench.paths.trial(job.key).encoder)
    return {epoch: dict(encoder.tensors) for epoch, encoder in encoders.items()}


def assert_same(job: Job, one: Bench, other: Bench) -> None:
    """Metrics and encoders are equal, bit for bit."""
    assert curves(job, one) == curves(job, other)
    mine, theirs = trained(job, one), trained(job, other)
    assert mine.keys() == theirs.keys()
    for epoch, tensors in mine.items():
        assert tensors.keys() == theirs[epoch].keys()
        assert all(torch.equal(tensor, theirs[epoch][name]) for name, tensor in tensors.items())


def records(job: Job, bench: Bench, kind: str) -> list[dict[str, Any]]:
    return [record for record in read(bench.paths.trial(job.key).spool, 0)[0] if record["kind"] == kind]


def test_a_trial_is_trained_scored_drawn_and_kept(make_bench: MakeBench) -> None:
    job, bench = slope_job(), make_bench()
    (outcome,) = run([job], bench)
    assert outcome.status == "FINISHED"
    assert outcome.metrics is not None
    told = curves(job, bench)
    assert [epoch for epoch, _ in told["train/loss"]] == [1, 2]
    assert told["linear/accuracy"] == [(2, outcome.metrics["linear/accuracy"])]
    assert [record["file"] for record in records(job, bench, "artifact")] == [
        "losses.png",
        "embedding.png",
        "encoder.pt",
        "log.txt",
    ]
    assert [record["status"] for record in records(job, bench, "finish")] == ["FINISHED"]
    assert "epoch 2  train/loss" in bench.paths.trial(job.key).log.read_text()


def test_progress_says_who_trains_and_how_far(make_bench: MakeBench) -> None:
    job, bench = slope_job(), make_bench()
    said = [report for report in reports([job], bench) if isinstance(report, Progress)]
    assert [report.epoch for report in said] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 0]
    assert [report.share for report in said[:-1]] == pytest.approx([step / 10 for step in range(1, 11)])
    assert (said[-1].keys, said[-1].doing) == ((job.key,), "scoring")
    assert said[0].values == {}
    assert set(said[5].values) == {"train/loss"}


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, STEPS, STEPS + 2, 2 * STEPS, 2 * STEPS + 1])
def test_a_trial_that_was_stopped_goes_on_bit_for_bit(make_bench: MakeBench, step: int) -> None:
    job, whole = invariant_job(), make_bench("whole")
    (expected,) = run([job], whole)
    stopped = make_bench("stopped", stop=After(step))
    (outcome,) = run([job], stopped)
    assert outcome == Outcome(job.key, "STOPPED")
    assert records(job, stopped, "finish") == []
    resumed = make_bench("stopped")
    assert run([job], resumed) == [expected]
    assert_same(job, resumed, whole)


def test_a_trial_that_is_stopped_at_every_step_still_arrives(make_bench: MakeBench) -> None:
    job, whole = slope_job(), make_bench("whole")
    (expected,) = run([job], whole)
    statuses = []
    for _ in range(2 * STEPS + 2):
        (outcome,) = run([job], make_bench("stuttering", stop=After(1)))
        statuses.append(outcome.status)
    assert set(statuses) == {"STOPPED"}
    assert run([job], make_bench("stuttering")) == [expected]
    assert_same(job, make_bench("stuttering"), whole)


@pytest.mark.slow
def test_a_pack_gives_what_its_trials_give_alone(make_bench: MakeBench) -> None:
    pair = [invariant_job(0, epsilon=0.4), invariant_job(1, epsilon=0.8)]
    together, alone = make_bench("together"), make_bench("alone")
    assert run(pair, together) == [outcome for job in pair for outcome in run([job], alone)]
    for job in pair:
        assert_same(job, together, alone)


def test_trials_of_a_pack_that_stand_at_different_steps_arrive_together(make_bench: MakeBench) -> None:
    first, second = slope_job(0), slope_job(1)
    alone, bench = make_bench("alone"), make_bench()
    run([first], make_bench(stop=After(3)))
    assert run([first, second], bench) == [*run([first], alone), *run([second], alone)]
    assert_same(first, bench, alone)


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
    broken, sound, bench = slope_job(fault=fault), slope_job(1), make_bench()
    assert run([broken], bench) == [Outcome(broken.key, "FAILED", reason)]
    told = bench.paths.trial(broken.key).traceback.read_text()
    assert told.startswith("Traceback")
    assert reason in told
    assert "traceback.txt" in [record["file"] for record in records(broken, bench, "artifact")]
    (end,) = records(broken, bench, "finish")
    assert (end["status"], end["reason"]) == ("FAILED", reason)
    assert [outcome.status for outcome in run([sound], bench)] == ["FINISHED"]


def test_a_probe_that_fails_on_one_trial_leaves_the_rest_of_its_pack_alone(make_bench: MakeBench) -> None:
    pair = [slope_job(0), slope_job(1)]
    bench, alone = make_bench(), make_bench("alone")
    run(pair[:1], make_bench(stop=After(2 * STEPS + 1)))
    spoil(bench.paths.trial(pair[0].key).encoder)
    first, second = run(pair, bench)
    assert (first.status, second.status) == ("FAILED", "FINISHED")
    assert [second] == run(pair[1:], alone)


def spoil(encoder: Path) -> None:
    encoder.write_bytes(encoder.read_bytes()[:-100])


def test_a_trial_that_diverges_leaves_the_rest_of_its_pack_alone(make_bench: MakeBench) -> None:
    diverging, sound = slope_job(0, pull=1e38), slope_job(1, pull=1.0)
    bench, alone = make_bench(), make_bench("alone")
    first, second = run([diverging, sound], bench)
    assert (first.status, first.reason) == ("FAILED", "loss is not finite at step 1")
    assert [second] == run([sound], alone)
    assert_same(sound, bench, alone)


def test_data_that_cannot_be_had_are_the_result_of_the_whole_pack(make_bench: MakeBench) -> None:
    jobs = [replace(job, trial=replace(job.trial, dataset="digitz")) for job in (slope_job(0), slope_job(1))]
    reason = "no data set is called 'digitz'; did you mean 'digits'?"
    assert run(jobs, make_bench()) == [Outcome(job.key, "FAILED", reason) for job in jobs]


def test_a_trained_trial_is_scored_and_not_trained_again(make_bench: MakeBench) -> None:
    job, bench = slope_job(), make_bench()
    (before,) = run([job], bench)
    encoder = bench.paths.trial(job.key).encoder
    kept = encoder.read_bytes()
    more = replace(job, probes={**job.probes, "knn": {}})
    said = reports([more], bench)
    assert [report.doing for report in said if isinstance(report, Progress)] == ["scoring"] * 2  # once per probe
    (after,) = outcomes(said).values()
    assert before.metrics is not None
    assert after.metrics is not None
    assert {name.partition("/")[0] for name in set(after.metrics) - set(before.metrics)} == {"knn"}
    assert {**after.metrics, **before.metrics} == after.metrics
    assert encoder.read_bytes() == kept
    assert [epoch for epoch, _ in curves(job, bench)["train/loss"]] == [1, 2]


def ascent_job(first: Job) -> Job:
    return replace(first, trial=replace(first.trial, method="ascent", training={"epochs": 150}, first=first.trial))


def test_a_second_phase_starts_from_what_the_first_has_learned(make_bench: MakeBench) -> None:
    first = slope_job()
    bench = replace(make_bench(), firsts=frozenset({first.key}))
    run([first], bench)
    second = ascent_job(first)
    (outcome,) = run([second], bench)
    assert outcome.status == "FINISHED"
    before, after = (load_encoders(bench.paths.trial(job.key).encoder) for job in (first, second))
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
    job, bench = slope_job(), make_bench()
    encoder = bench.paths.trial(job.key).encoder
    encoder.parent.mkdir(parents=True)
    encoder.write_bytes(b"half")
    assert run([job], bench)[0].status == "FAILED"
    encoder.unlink()
    assert run([job], bench)[0].status == "FINISHED"
    assert not bench.paths.trial(job.key).traceback.exists()


def test_a_probe_is_known_by_its_revision_and_settings() -> None:
    job = slope_job()
    other = replace(job, probes={"linear": {"epochs": 3}})
    assert probe_digests(job) == probe_digests(slope_job(seed=1))
    assert probe_digests(job) != probe_digests(other)


def alone(folder: Path, *jobs: Job, command: Sequence[str] = ("-m", "ablate.run")) -> subprocess.CompletedProcess[str]:
    """Run jobs in a process of their own, with as many threads as this one has."""
    folder.mkdir()
    (folder / "jobs.json").write_text(json.dumps([job.to_json() for job in jobs]))
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
    jobs = [invariant_job(0, epsilon=0.4), invariant_job(1, epsilon=0.8)]
    shared = make_bench()
    for job in jobs:
        (outcome,) = run([job], shared)
        done = alone(tmp_path / job.key, job)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["status"], told["metrics"]) == ("FINISHED", outcome.metrics)
        own = replace(shared, paths=Store(tmp_path / job.key / "store").study("study"))
        assert_same(job, own, shared)


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
    job = invariant_job(epochs=1)
    diverging = replace(job, trial=replace(job.trial, training={"epochs": 1, "learning_rate": 1e30}))
    done = alone(tmp_path / "alone", diverging)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["status"] == "FAILED"
    assert told["reason"].startswith("loss is not finite at step ")


@pytest.mark.slow
def test_a_first_phase_is_trained_before_what_starts_from_it_wherever_it_stands(tmp_path: Path) -> None:
    small = {**METHODS["predictive-transformation"].datasets["digits"], "width": 8, "latent_dim": 8, "hidden": 16}
    first = Trial("predictive-transformation", "1", small, "digits", "1", {"epochs": 1}, 0)
    after = Job(replace(first, method="vte-barber-agakov", settings={**small, "two_phase": True}, first=first), {}, "s")
    for jobs in ([after], [after, Job(first, {}, "s")]):
        done = alone(tmp_path / str(len(jobs)), *jobs)
        assert done.returncode == 0, done.stdout + done.stderr
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(each["key"], each["status"]) for each in told] == [(first.key, "FINISHED"), (after.key, "FINISHED")]

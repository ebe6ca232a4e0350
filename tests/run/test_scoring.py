"""Scores of a trained trial: probes that fail, scores that are recorded already, and probes that are added."""

from dataclasses import dataclass, replace

import pytest

from ablate.events import Activity, Progress, State
from ablate.options import option
from ablate.planning.probe_digests import probe_digests
from ablate.probes import PROBES
from ablate.probes.probe import Embedded
from ablate.probes.size import Size
from ablate.testing.pack_runs import MakeContext, curves, descent_trial, ends, records, run, slope_trial, updates
from ablate.track.spool_records import SpoolFinish


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


def test_a_probe_digest_depends_on_its_settings_and_not_on_the_seed() -> None:
    trial = slope_trial()
    other = replace(trial, probes={"linear": {"epochs": 3}})
    assert probe_digests(trial) == probe_digests(slope_trial(seed=1))
    assert probe_digests(trial) != probe_digests(other)


def test_a_loss_that_grows_is_told_in_the_log_and_one_that_falls_is_not(make_context: MakeContext) -> None:
    for rate, diverged in ((0.3, 1.0), (0.1, 0.0)):
        trial, context = descent_trial(rate), make_context()
        (ended,) = run([trial], context)
        assert ended.metrics["training/diverged"] == diverged
        log = context.paths.trial(trial.key).log.read_text()
        assert ("warning: training has diverged: the loss ends far above its lowest value" in log) == bool(diverged)


def test_a_finished_trial_reports_the_last_values_of_training_for_searches_that_minimize_them(
    make_context: MakeContext,
) -> None:
    trial, context = slope_trial(), make_context()
    for probes in (trial.probes, {**trial.probes, "size": {}}):  # scored again without being trained again
        (ended,) = run([replace(trial, probes=probes)], context)
        logged = curves(trial, context)
        for name in ("train/loss", "embedding/effective_rank", "linear/accuracy"):
            assert ended.metrics[name] == logged[name][-1][1]

"""Launches without Ray and MLflow: what runs, what is kept, and what failures, stops and outages leave behind."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pytest

from ablate.driver.announcer import ignore
from ablate.driver.launch import launch
from ablate.driver.launch_options import Options
from ablate.driver.progress import LaunchProgress, Listener
from ablate.driver.summary import Summary
from ablate.errors import DataError, Interrupted, ServiceError
from ablate.events import Ended, EpochValues, Message, Proposed, Stage, StageBegan, State
from ablate.paths import Store, StudyPaths
from ablate.probes import PROBES
from ablate.probes.probe import Embedded
from ablate.probes.size import Size
from ablate.record import TrialRecord
from ablate.stopping import StopRequest, request_stop
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.testing.backends import in_process_backends
from ablate.testing.executor import InProcessExecutor
from ablate.testing.memory import MemoryStore
from ablate.track.sent import open_trials
from ablate.track.store import Curve

pytestmark = pytest.mark.slow

EPOCHS = 3
STUDY = f"""
question: Does ε matter?
method: invariant
dataset: digits
fixed:
  training.epochs: {EPOCHS}
  training.batch_size: 32
  training.samples: 64
  method.k: 5
  probes.linear.epochs: 1
axes:
  method.epsilon: [0.4, 0.8]
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
SEARCH = f"""
question: Which ε is best?
method: invariant
dataset: digits
design: search
fixed:
  training.epochs: {EPOCHS}
  training.batch_size: 32
  training.samples: 64
  method.k: 5
  probes.linear.epochs: 1
search:
  trials: 3
  objectives: {{linear/accuracy: maximize}}
  space: {{method.epsilon: {{low: 0.2, high: 2.0}}}}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
PRETRAINING = """
question: Does pretraining help?
method: vte-barber-agakov
dataset: digits
fixed:
  training.epochs: 1
  training.batch_size: 32
  training.samples: 64
  method.width: 8
  method.latent_dim: 4
  method.hidden: 8
  probes.linear.epochs: 1
axes:
  method.two_phase: [true, false]
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
PRUNE = StopRequest(State.PRUNED, "worse than the median")
Curves = dict[str, dict[str, Curve]]  # trial's name → metric → points


@dataclass
class Launches:
    """Launches of studies with one store and one tracking store, and the messages of the last launch."""

    folder: Path
    tracking: MemoryStore = field(default_factory=MemoryStore)
    messages: list[Message] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def read(self, text: str, *overrides: str) -> Study:
        file = self.folder / "small.yaml"
        file.write_text(text)
        return read_study(file, overrides=overrides)

    def launch(self, study: Study, listen: Listener = ignore, *, retry: bool = False) -> Summary:
        self.messages.clear()

        def collect(progress: LaunchProgress, message: Message) -> None:
            self.messages.append(message)
            listen(progress, message)

        backends = in_process_backends(self.tracking)
        return launch(study, self.store, Options(retry=retry), collect, backends=backends)

    @property
    def paths(self) -> StudyPaths:
        return self.store.study("small")

    @property
    def records(self) -> dict[str, TrialRecord]:
        """The records of the study's trials, by the trial's name."""
        records = self.tracking.snapshots["small"].trials
        return {record.trial.name: record for record in records if record.trial is not None}

    @property
    def states(self) -> dict[str, State]:
        return {name: record.state for name, record in self.records.items()}

    @property
    def curves(self) -> Curves:
        return {name: self.tracking.curves(record.run_id, record.metrics) for name, record in self.records.items()}

    @property
    def trained(self) -> set[str]:
        """Keys of the trials that sent values of an epoch in the last launch."""
        return {message.trial for message in self.messages if isinstance(message, EpochValues)}

    @property
    def ended(self) -> list[str]:
        """Keys of the trials that ended in the last launch."""
        return [message.trial for message in self.messages if isinstance(message, Ended)]


@pytest.fixture
def launches(tmp_path: Path) -> Launches:
    return Launches(tmp_path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Curves:
    """The curves of a launch of the small study that nothing stopped."""
    launches = Launches(tmp_path_factory.mktemp("uninterrupted"))
    launches.launch(launches.read(STUDY))
    return launches.curves


def at_epoch(epoch: int, act: Callable[[str], None]) -> Listener:
    """A listener that calls `act` once, with the key of the first trial that ends this epoch."""
    done: list[str] = []

    def listen(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, EpochValues) and message.epoch == epoch and not done:
            done.append(message.trial)
            act(message.trial)

    return listen


def test_a_launch_trains_and_scores_all_trials_and_writes_the_report(launches: Launches) -> None:
    summary = launches.launch(launches.read(STUDY))
    assert (summary.total, summary.finished, summary.ran, summary.unsent) == (4, 4, 4, 0)
    assert set(launches.states) == {f"epsilon={level} · seed {seed}" for level in (0.4, 0.8) for seed in (0, 1)}
    assert set(launches.states.values()) == {State.FINISHED}
    for curves in launches.curves.values():
        assert [epoch for epoch, _ in curves["train/loss"]] == [1, 2, 3]
        assert [epoch for epoch, _ in curves["linear/accuracy"]] == [3]
    assert summary.report is not None
    assert summary.report.read_text().startswith("# small\n")
    assert {"study.yaml", "environment.txt", "report/report.md"} <= launches.tracking.files("small").keys()
    snapshot = launches.tracking.snapshots["small"]
    assert [run.state for run in snapshot.study_runs] == [State.FINISHED]
    assert [run.state for run in snapshot.variants] == [State.FINISHED] * 2
    assert not list(launches.paths.trials.iterdir())  # everything is in the tracking store


def test_the_values_of_every_epoch_of_every_trial_reach_the_listener(launches: Launches) -> None:
    launches.launch(launches.read(STUDY))
    sent = {(one.trial, one.epoch): one.values for one in launches.messages if isinstance(one, EpochValues)}
    recorded = {
        (record.key, epoch): value
        for name, record in launches.records.items()
        for epoch, value in launches.curves[name]["train/loss"]
    }
    assert len(recorded) == 4 * EPOCHS
    assert {place: values["train/loss"] for place, values in sent.items()} == recorded


def test_a_launch_lists_the_runs_once_at_its_start_and_once_at_its_end(launches: Launches) -> None:
    launches.launch(launches.read(STUDY))
    assert launches.tracking.listings == 2
    launches.launch(launches.read(STUDY, "seeds=3"))
    assert launches.tracking.listings == 4


def test_a_finished_study_that_is_launched_again_runs_nothing_and_lists_the_runs_once(launches: Launches) -> None:
    launches.launch(launches.read(STUDY))
    before = launches.tracking.listings
    summary = launches.launch(launches.read(STUDY))
    assert (summary.total, summary.finished, summary.ran) == (4, 4, 0)
    assert launches.messages == []
    assert launches.tracking.listings == before + 1


def test_a_new_question_rewrites_the_report_without_an_executor(launches: Launches) -> None:
    launches.launch(launches.read(STUDY))

    def refuse(paths: StudyPaths, address: str) -> InProcessExecutor:
        raise AssertionError("no trial is left to run")

    backends = replace(in_process_backends(launches.tracking), executor=refuse)
    study = launches.read(STUDY.replace("Does ε matter?", "Does the radius matter?"))
    summary = launch(study, launches.store, backends=backends)
    assert (summary.finished, summary.ran) == (4, 0)
    assert summary.report is not None
    assert "Does the radius matter?" in summary.report.read_text()


def test_a_trial_that_a_person_removed_from_its_run_is_set_again_without_an_executor(launches: Launches) -> None:
    study = launches.read(STUDY)
    launches.launch(study)
    before, snapshot = launches.records, launches.tracking.snapshots["small"]
    removed = (replace(snapshot.trials[0], trial=None), *snapshot.trials[1:])
    launches.tracking.snapshots["small"] = replace(snapshot, trials=removed)

    def refuse(*_: object) -> InProcessExecutor:
        raise AssertionError("no trial is left to run")

    backends = replace(in_process_backends(launches.tracking), executor=refuse)
    assert launch(study, launches.store, backends=backends).ran == 0
    assert launches.records == before
    assert launch(study, launches.store, backends=backends).ran == 0


@pytest.mark.parametrize("override", ["seeds=3", "axes.method.epsilon=[0.4, 0.8, 1.6]"])
def test_a_new_seed_or_level_runs_only_the_new_trials(launches: Launches, override: str) -> None:
    launches.launch(launches.read(STUDY))
    before, curves = launches.records, launches.curves
    summary = launches.launch(launches.read(STUDY, override))
    assert (summary.total, summary.finished, summary.ran) == (6, 6, 2)
    assert launches.trained == {record.key for name, record in launches.records.items() if name not in before}
    assert {name: launches.curves[name] for name in before} == curves


def test_a_new_probe_scores_all_trials_and_trains_none(launches: Launches) -> None:
    launches.launch(launches.read(STUDY))
    before = launches.curves
    summary = launches.launch(launches.read(STUDY, "probes=[linear, knn]"))
    assert (summary.finished, summary.ran) == (4, 4)
    assert launches.trained == set()
    for name, curves in launches.curves.items():
        assert {metric.partition("/")[0] for metric in curves.keys() - before[name].keys()} == {"knn"}
        assert {metric: curves[metric] for metric in before[name]} == before[name]


def test_a_failed_trial_is_reported_and_runs_again_on_retry_only(launches: Launches) -> None:
    study = launches.read(
        STUDY.replace("method.epsilon: [0.4, 0.8]", "training.learning_rate: [1.0e-3, 1.0e+30]"), "seeds=1"
    )
    summary = launches.launch(study)
    assert (summary.total, summary.finished) == (2, 1)
    ((name, reason),) = summary.failed.items()
    assert "learning_rate=1e+30" in name
    assert reason.startswith("loss is not finite at step")
    assert launches.records[name].reason == reason

    again = launches.launch(study)
    assert (again.ran, dict(again.failed)) == (0, {name: reason})
    retried = launches.launch(study, retry=True)
    assert (retried.ran, dict(retried.failed)) == (1, {name: reason})
    assert launches.ended == [launches.records[name].key]
    assert len(launches.records) == 2


@dataclass(frozen=True)
class Absent(Size):
    """The size probe, which fails while its weights are away."""

    away: ClassVar[bool] = True

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        if self.away:
            raise DataError("the weights are away", "fetch them")
        return super().score(embedded, seed)


def test_a_probe_that_fails_leaves_the_other_scores_and_runs_again_alone_on_retry_only(
    launches: Launches, uninterrupted: Curves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROBES, "absent", Absent)
    study = launches.read(STUDY, "probes=[absent, linear]")
    summary = launches.launch(study)
    assert (summary.total, summary.finished, dict(summary.failed), summary.flawed) == (4, 4, {}, True)
    assert set(summary.failed_probes.values()) == {"the probe absent failed: the weights are away; fetch them"}
    assert launches.curves == uninterrupted
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.FAILED]
    assert not list(launches.paths.trials.iterdir())

    again = launches.launch(study)
    assert (again.ran, again.failed_probes, launches.messages) == (0, summary.failed_probes, [])

    monkeypatch.setattr(Absent, "away", False)
    retried = launches.launch(study, retry=True)
    assert (retried.ran, retried.flawed, launches.trained) == (4, False, set())
    for name, curves in launches.curves.items():
        assert {metric: curves[metric] for metric in uninterrupted[name]} == uninterrupted[name]
        assert curves.keys() - uninterrupted[name].keys() == {"absent/million_parameters"}


@pytest.mark.parametrize("damage", ["missing", "damaged", "another trial's"])
def test_trials_whose_encoders_cannot_be_fetched_are_trained_again_to_the_same_values(
    launches: Launches, damage: str
) -> None:
    launches.launch(launches.read(STUDY))
    before, contents = launches.curves, launches.tracking.contents
    one, other, *_ = (record.run_id for record in launches.records.values())
    encoder = contents[one].files.pop("encoder.pt")
    if damage == "damaged":
        contents[one].files["encoder.pt"] = encoder[:-100]
    elif damage != "missing":
        contents[one].files["encoder.pt"] = contents[other].files["encoder.pt"]
    summary = launches.launch(launches.read(STUDY, "probes=[linear, knn]"))
    assert (summary.finished, summary.ran, summary.flawed) == (4, 4, False)
    assert launches.trained == {record.key for record in launches.records.values() if record.run_id == one}
    for name, curves in launches.curves.items():
        assert {metric: curves[metric] for metric in before[name]} == before[name]
        assert "knn/accuracy" in curves


def test_a_failed_trial_that_keeps_its_folder_leaves_the_study_settled(launches: Launches) -> None:
    study = launches.read(
        STUDY.replace("method.epsilon: [0.4, 0.8]", "training.learning_rate: [1.0e-3, 1.0e+30]"), "seeds=1"
    )
    launches.launch(study)
    assert len(list(launches.paths.trials.glob("*/spool.jsonl"))) == 1
    assert open_trials(launches.paths) == ()

    def refuse(*_: object) -> InProcessExecutor:
        raise AssertionError("nothing is left to run")

    backends = replace(in_process_backends(launches.tracking), executor=refuse)
    assert launch(study, launches.store, backends=backends).ran == 0


def test_a_pruned_trial_stays_pruned_and_the_others_are_not_affected(launches: Launches, uninterrupted: Curves) -> None:
    pruned = at_epoch(1, lambda key: request_stop(launches.paths, key, PRUNE))
    summary = launches.launch(launches.read(STUDY), pruned)
    assert (summary.total, summary.finished, dict(summary.failed)) == (4, 3, {})
    (name,) = (name for name, state in launches.states.items() if state is State.PRUNED)
    assert launches.records[name].reason == PRUNE.reason
    points = launches.curves[name]["train/loss"]
    assert 1 <= len(points) < EPOCHS
    assert points == uninterrupted[name]["train/loss"][: len(points)]
    others = {other: curves for other, curves in launches.curves.items() if other != name}
    assert others == {other: curves for other, curves in uninterrupted.items() if other != name}

    again = launches.launch(launches.read(STUDY))
    assert (again.ran, launches.messages) == (0, [])
    assert launches.states[name] is State.PRUNED


def test_a_stopped_study_goes_on_to_the_same_values(launches: Launches, uninterrupted: Curves) -> None:
    study = launches.read(STUDY)
    with pytest.raises(Interrupted, match=r"stopped with \d of 4 trials finished; launch again to go on"):
        launches.launch(study, at_epoch(2, lambda key: launches.paths.stop.touch()))
    assert not launches.paths.stop.exists()
    assert State.RUNNING not in launches.states.values()
    assert launches.curves != uninterrupted

    summary = launches.launch(study)
    assert (summary.total, summary.finished) == (4, 4)
    assert launches.curves == uninterrupted


def test_a_search_runs_every_proposal_with_all_seeds(launches: Launches) -> None:
    study = launches.read(SEARCH)
    summary = launches.launch(study)
    assert (summary.total, summary.finished, summary.ran) == (6, 6, 6)
    proposed = [one.trials for one in launches.messages if isinstance(one, Proposed)]
    assert [[trial.config.seed for trial in trials] for trials in proposed] == [[0, 1]] * 3
    assert launches.launch(study).ran == 0
    assert launches.messages == []


def test_a_search_that_is_stopped_between_two_proposals_is_interrupted_and_continued(launches: Launches) -> None:
    study = launches.read(SEARCH)

    def stop_after_a_proposal(progress: LaunchProgress, message: Message) -> None:
        if len(launches.ended) == 2:
            launches.paths.stop.touch()

    with pytest.raises(Interrupted, match="stopped with 2 of 2 trials finished; launch again to go on"):
        launches.launch(study, stop_after_a_proposal)
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.STOPPED]
    summary = launches.launch(study)
    assert (summary.total, summary.finished, summary.ran) == (6, 6, 4)


def test_a_stop_request_after_the_last_trial_has_ended_changes_nothing(launches: Launches) -> None:
    def stop_at_the_end(progress: LaunchProgress, message: Message) -> None:
        if len(launches.ended) == 4:
            launches.paths.stop.touch()

    summary = launches.launch(launches.read(STUDY), stop_at_the_end)
    assert (summary.finished, summary.stopped) == (4, False)
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.FINISHED]


def test_a_pretraining_trial_runs_once_and_before_the_trials_that_start_from_it(launches: Launches) -> None:
    study = launches.read(PRETRAINING)
    summary = launches.launch(study)
    assert (summary.total, summary.finished, summary.ran) == (6, 6, 6)
    place = {key: at for at, key in enumerate(launches.ended)}
    assert len(place) == len(launches.ended) == 6
    for seed in (0, 1):
        pretraining = launches.records[f"pretraining · seed {seed}"]
        assert place[pretraining.key] < place[launches.records[f"two_phase=True · seed {seed}"].key]
    assert not launches.paths.pretrained_folder.exists()


def test_records_that_an_absent_tracking_store_did_not_get_are_sent_by_the_next_launch(
    launches: Launches, uninterrupted: Curves
) -> None:
    study = launches.read(STUDY)

    def leave(progress: LaunchProgress, message: Message) -> None:
        launches.tracking.away = isinstance(message, EpochValues) or launches.tracking.away

    with pytest.raises(ServiceError, match="the records of 4 trials are kept: send them with ablate sync small"):
        launches.launch(study, leave)
    assert len(list(launches.paths.trials.glob("*/spool.jsonl"))) == 4

    launches.tracking.away = False
    summary = launches.launch(study)
    assert (summary.finished, summary.ran, summary.unsent) == (4, 0, 0)
    assert launches.trained == set()
    assert launches.curves == uninterrupted
    assert not list(launches.paths.trials.iterdir())


@pytest.mark.parametrize("stage", [Stage.CLOSING, Stage.REPORTING])
def test_a_signal_while_a_launch_closes_leaves_a_finished_study_finished(launches: Launches, stage: Stage) -> None:
    sent: list[Stage] = []

    def interrupt(progress: LaunchProgress, message: Message) -> None:
        if message == StageBegan(stage) and not sent:
            sent.append(stage)
            signal.raise_signal(signal.SIGINT)

    summary = launches.launch(launches.read(STUDY, "seeds=1"), interrupt)
    assert (summary.finished, summary.stopped) == (2, False)
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.FINISHED]


def test_trials_that_were_stopped_on_request_are_told_as_stopped(launches: Launches) -> None:
    """Also one whose worker was ended before it could say so itself."""

    def stop(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, EpochValues) and not launches.paths.stop.exists():
            launches.tracking.upload(launches.paths)
            launches.paths.stop.touch()
            raise KeyError("the worker ends here")

    study = launches.read(STUDY, "seeds=1")
    with pytest.raises(KeyError):
        launches.launch(study, stop)
    assert State.KILLED in launches.states.values()  # its launch ended by an error

    def stop_cleanly(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, EpochValues):
            launches.paths.stop.touch()

    with pytest.raises(Interrupted):
        launches.launch(study, stop_cleanly)
    assert set(launches.states.values()) <= {State.STOPPED, State.FINISHED}
    assert State.STOPPED in launches.states.values()

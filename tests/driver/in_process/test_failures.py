"""What is kept where a trial, a probe, an encoder or the tracking store fails, and what runs again."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from ablate.driver.launch import launch
from ablate.driver.progress import LaunchProgress
from ablate.errors import DataError, ServiceError
from ablate.events import EpochValues, Message, State
from ablate.probes import PROBES
from ablate.probes.probe import Embedded
from ablate.probes.size import Size
from ablate.testing.backends import in_process_backends
from ablate.testing.executor import InProcessExecutor
from ablate.track.sent import open_trials

from .launches import STUDY, Curves, Launches

pytestmark = pytest.mark.slow


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
    launches: Launches, whole_curves: Curves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROBES, "absent", Absent)
    study = launches.read(STUDY, "probes=[absent, linear]")
    summary = launches.launch(study)
    assert (summary.total, summary.finished, dict(summary.failed), summary.flawed) == (4, 4, {}, True)
    assert set(summary.failed_probes.values()) == {"the probe absent failed: the weights are away; fetch them"}
    assert launches.curves == whole_curves
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.FAILED]
    assert not list(launches.paths.trials.iterdir())

    again = launches.launch(study)
    assert (again.ran, again.failed_probes, launches.messages) == (0, summary.failed_probes, [])

    monkeypatch.setattr(Absent, "away", False)
    retried = launches.launch(study, retry=True)
    assert (retried.ran, retried.flawed, launches.trained) == (4, False, set())
    for name, curves in launches.curves.items():
        assert {metric: curves[metric] for metric in whole_curves[name]} == whole_curves[name]
        assert curves.keys() - whole_curves[name].keys() == {"absent/million_parameters"}


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


def test_records_that_an_absent_tracking_store_did_not_get_are_sent_by_the_next_launch(
    launches: Launches, whole_curves: Curves
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
    assert launches.curves == whole_curves
    assert not list(launches.paths.trials.iterdir())

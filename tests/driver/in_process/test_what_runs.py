"""What a launch trains and scores, and what one that follows it leaves out."""

from collections import Counter
from dataclasses import replace

import pytest

from ablate.driver.launch import launch
from ablate.driver.progress import LaunchProgress
from ablate.errors import Interrupted
from ablate.events import EpochValues, Message, Proposed, Ready, State
from ablate.paths import StudyPaths
from ablate.testing.backends import in_process_backends
from ablate.testing.executor import InProcessExecutor

from .launches import EPOCHS, PRETRAINING, SEARCH, STUDY, Launches

pytestmark = pytest.mark.slow


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


def test_the_time_left_is_estimated_from_the_trials_of_another_study_before_one_of_its_own_moves(
    launches: Launches,
) -> None:
    launches.launch(launches.read(STUDY))
    estimates: list[float | None] = []

    def listen(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, Ready):
            estimates.append(progress.seconds_left)

    launches.launch(launches.read("name: another\n" + STUDY), listen)
    (estimate,) = estimates
    assert estimate is not None
    assert estimate > 0


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


def test_a_search_runs_every_proposal_with_all_seeds(launches: Launches) -> None:
    study = launches.read(SEARCH)
    summary = launches.launch(study)
    assert (summary.total, summary.finished, summary.ran) == (6, 6, 6)
    proposed = [one.trials for one in launches.messages if isinstance(one, Proposed)]
    assert [[trial.config.seed for trial in trials] for trials in proposed] == [[0, 1]] * 3
    assert launches.launch(study).ran == 0
    assert launches.messages == []


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


RULE = """
question: Do the latent dimension and ε change the size of the encoder?
method: invariant
dataset: digits
design: one-at-a-time
fixed: {training.epochs: 1, training.batch_size: 32, training.samples: 32}
axes:
  method.latent_dim: [4, 8]
  method.epsilon: [0.4, 0.8]
seeds: {at_least: 3, at_most: 8}
probes: [size]
metric: size/million_parameters
"""


def test_seeds_are_added_where_a_comparison_is_undecided_and_a_stopped_launch_goes_on(launches: Launches) -> None:
    """With two comparisons, 7 seeds decide what differs on each of them, and what is equal has all 8."""
    study = launches.read(RULE)

    def stop_after_the_first_look(progress: LaunchProgress, message: Message) -> None:
        if len(launches.ended) == 21 and not launches.paths.stop.exists():
            launches.paths.stop.touch()

    with pytest.raises(Interrupted, match="stopped with 21 of 23 trials finished"):
        launches.launch(study, stop_after_the_first_look)
    summary = launches.launch(study)
    assert (summary.total, summary.finished, summary.ran) == (23, 23, 2)
    seeds = Counter(name.partition(" · ")[0] for name in launches.states)
    assert sorted(seeds.values()) == [7, 8, 8]
    assert seeds["latent_dim=8, epsilon=0.4"] == 7
    report = (launches.paths.report / "report.md").read_text(encoding="utf-8")
    assert "decided at look 1 of 2" in report
    (still_open,) = seeds.keys() - {"latent_dim=4, epsilon=0.4", "latent_dim=8, epsilon=0.4"}
    found = f"No difference from (latent_dim=4, epsilon=0.4) was found for ({still_open}) with 8 seeds"
    assert f"{found}, the most of this study" in report
    assert launches.launch(study).ran == 0


def test_a_search_with_more_seeds_and_another_probe_scores_what_it_takes_over_in_its_first_launch(
    launches: Launches,
) -> None:
    launches.launch(launches.read(SEARCH))
    summary = launches.launch(launches.read(SEARCH, "seeds=3", "probes=[linear, clustering]"))
    assert (summary.total, summary.finished, summary.trained, summary.scored) == (9, 9, 3, 6)
    assert all("clustering/accuracy" in record.metrics for record in launches.records.values())

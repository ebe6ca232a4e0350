"""The MLflow store beyond the contract: limits and repetitions of requests, duplicates, deletions by the user."""

from collections.abc import Callable
from typing import Any

import pytest

from ablate.errors import ServiceError
from ablate.events import State
from ablate.paths import StudyPaths
from ablate.track.client import connect
from ablate.track.mlflow_store import MlflowStore
from ablate.track.shared_views import Columns
from ablate.track.spool import SpoolTracker
from ablate.track.store import Claim, Snapshot
from ablate.track.ui import study_links
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]
Runs = Callable[..., list[Any]]
Finish = Callable[[Trial], None]


@pytest.fixture
def mlflow_store(mlflow_uri: str) -> MlflowStore:
    return MlflowStore(mlflow_uri)


@pytest.fixture
def finish(paths: StudyPaths, mlflow_store: MlflowStore) -> Finish:
    """Upload a finished trial."""

    def run(trial: Trial) -> None:
        with SpoolTracker(paths) as tracker:
            tracker.start(trial)
            tracker.record(trial, 1, {"train/loss": 0.5})
            tracker.finish(trial, State.FINISHED)
        assert mlflow_store.upload(paths) == set()

    return run


@pytest.mark.cluster
def test_a_trial_too_long_for_one_tag_is_read_back(
    mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, study: str
) -> None:
    trial = make_trial()
    long = Trial(trial.config, {"linear": {"note": "x" * 20_000}}, study, trial.levels)
    finish(long)
    assert mlflow_store.snapshot(study).records[trial.key].trial == long


@pytest.mark.cluster
@pytest.mark.parametrize("listed", [0, 1000])  # each key is searched, or all finished trials are listed
def test_finished_trials_are_found_by_search_and_by_listing(
    mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablate.track.mlflow_store.LISTED_PER_KEY", listed)
    finish(make_trial(0))
    found = mlflow_store.find_finished([make_trial(0).key, make_trial(1).key])
    assert {key: record.trial for key, record in found.items()} == {make_trial(0).key: make_trial(0)}


@pytest.mark.cluster
def test_runs_of_version_0_1_are_read(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, study: str, runs: Runs
) -> None:
    """They have no tag `ablate.state`, and the trial in a tag of another name."""
    trial = make_trial()
    finish(trial)
    (run,) = runs()
    client = connect(mlflow_uri)
    client.set_tag(run.info.run_id, "ablate.job", run.data.tags["ablate.trial"].replace('"config":', '"trial":'))
    for tag in ("ablate.trial", "ablate.state"):
        client.delete_tag(run.info.run_id, tag)
    record = mlflow_store.snapshot(study).records[trial.key]
    assert (record.state, record.trial) == (State.FINISHED, trial)


@pytest.mark.cluster
def test_the_runs_of_a_study_show_its_question_and_its_variants_levels(
    mlflow_store: MlflowStore, make_trial: MakeTrial, study: str, runs: Runs
) -> None:
    mlflow_store.open_study(study, "How far?", "seeds: 1\n", Snapshot(study))
    mlflow_store.open_variants([make_trial(0), make_trial(1)], Snapshot(study))
    (run,) = runs("study")
    assert (run.info.run_name, run.data.tags["mlflow.note.content"]) == (study, "How far?")
    (variant,) = runs("variant")
    assert variant.info.run_name == "epsilon=1.0"
    assert variant.data.params["method.epsilon"] == "1.0"
    assert "seed" not in variant.data.params


@pytest.mark.cluster
def test_a_deleted_experiment_is_restored_by_a_launch_and_by_nothing_that_reads(
    mlflow_uri: str, mlflow_store: MlflowStore, study: str
) -> None:
    mlflow_store.open_study(study, "?", "", Snapshot(study))
    client = connect(mlflow_uri)
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    snapshot = MlflowStore(mlflow_uri).snapshot(study)
    assert snapshot == Snapshot(study)
    deleted = client.get_experiment_by_name(study)
    assert deleted is not None
    assert deleted.lifecycle_stage == "deleted"
    MlflowStore(mlflow_uri).open_study(study, "?", "", snapshot)
    restored = client.get_experiment_by_name(study)
    assert restored is not None
    assert restored.lifecycle_stage == "active"


@pytest.mark.cluster
def test_reading_a_study_that_was_never_launched_makes_no_experiment(
    mlflow_uri: str, mlflow_store: MlflowStore, study: str
) -> None:
    assert mlflow_store.snapshot(study) == Snapshot(study)
    assert connect(mlflow_uri).get_experiment_by_name(study) is None


@pytest.mark.cluster
def test_a_renamed_experiment_is_still_the_study_s(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, study: str, runs: Runs
) -> None:
    finish(make_trial(0))
    client = connect(mlflow_uri)
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    client.rename_experiment(experiment.experiment_id, f"{study}, first try")
    again = MlflowStore(mlflow_uri)
    assert set(again.snapshot(study).records) == {make_trial(0).key}
    finish(make_trial(1))
    again.open_study(study, "?", "", again.snapshot(study))
    assert set(again.settle(study).records) == {make_trial(0).key, make_trial(1).key}
    assert client.get_experiment_by_name(study) is None


@pytest.mark.cluster
def test_of_two_runs_of_one_trial_the_finished_one_stays(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, study: str, runs: Runs
) -> None:
    """MLflow makes a second run where it carries out a request whose answer is lost."""
    trial = make_trial()
    finish(trial)
    (run,) = runs()
    run_tags = {name: value for name, value in run.data.tags.items() if name.startswith("ablate.")}
    connect(mlflow_uri).create_run(run.info.experiment_id, tags=run_tags)
    assert mlflow_store.snapshot(study).records[trial.key].run_id == run.info.run_id
    assert [record.run_id for record in mlflow_store.settle(study).trials] == [run.info.run_id]
    assert [left.info.run_id for left in runs()] == [run.info.run_id]


@pytest.mark.cluster
@pytest.mark.parametrize("kind", ["study", "variant"])
def test_a_run_is_made_once_though_the_answer_was_lost(
    kind: str, proxy: Any, study: str, make_trial: MakeTrial, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablate.track.retry.DELAYS", (0.0,))
    mlflow_store = MlflowStore(proxy.uri)
    snapshot = mlflow_store.snapshot(study)

    def lose_first_creation(request: str) -> str:
        creations = [made for made in proxy.requests if made.endswith("runs/create")]
        return "lose" if request.endswith("runs/create") and len(creations) == 1 else "pass"

    proxy.mode = lose_first_creation
    if kind == "study":
        made = mlflow_store.open_study(study, "?", "", snapshot)
    else:
        made = mlflow_store.open_variants([make_trial()], snapshot)[make_trial().variant]
    assert [run.info.run_id for run in runs(kind)] == [made]


@pytest.mark.cluster
def test_a_snapshot_takes_one_request(proxy: Any, study: str) -> None:
    mlflow_store = MlflowStore(proxy.uri)
    mlflow_store.open_study(study, "?", "", mlflow_store.snapshot(study))
    proxy.requests.clear()
    mlflow_store.snapshot(study)
    mlflow_store.settle(study)
    assert [request.rpartition("/")[2] for request in proxy.requests] == ["search", "get-by-name", "search"]


@pytest.mark.cluster
def test_curves_that_were_summarized_are_not_read_again_for_the_report(
    proxy: Any, study: str, make_trial: MakeTrial, finish: Finish
) -> None:
    def history_requests() -> int:
        return sum("get-history" in request for request in proxy.requests)

    for seed in range(2):
        finish(make_trial(seed))
    mlflow_store = MlflowStore(proxy.uri)
    records = mlflow_store.settle(study).records.values()
    wanted = {record.run_id: record.metrics for record in records}
    assert history_requests() == 1
    curves = mlflow_store.all_curves(wanted)
    assert curves == {"train/loss": {record.run_id: [(1, 0.5)] for record in records}}
    assert history_requests() == 1
    assert mlflow_store.all_curves(wanted) == curves  # they may have changed since
    assert history_requests() == 2


@pytest.mark.cluster
@pytest.mark.parametrize("mode", ["fail", "deny"])
def test_a_request_that_fails_once_is_repeated(
    mode: str, proxy: Any, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablate.track.retry.DELAYS", (0.0,))
    mlflow_store = MlflowStore(proxy.uri)
    proxy.mode = lambda _: mode if len(proxy.requests) == 1 else "pass"
    assert mlflow_store.snapshot(study).trials == ()


@pytest.mark.cluster
def test_without_a_server_there_is_a_service_error_without_the_password(
    monkeypatch: pytest.MonkeyPatch, study: str
) -> None:
    monkeypatch.setattr("ablate.track.retry.DELAYS", ())
    with pytest.raises(ServiceError, match=r"http://\*\*\*@127.0.0.1:9: MLflow does not answer") as raised:
        MlflowStore("http://me:secret@127.0.0.1:9").snapshot(study)
    assert "secret" not in str(raised.value)


IDENTITY = ("ablate.kind", "ablate.study", "ablate.key", "ablate.variant", "ablate.seed")


@pytest.mark.cluster
@pytest.mark.parametrize(
    "removed", [*((name,) for name in IDENTITY), IDENTITY, ("ablate.state", "ablate.trial")], ids=str
)
def test_tags_that_a_person_removes_are_not_needed_and_a_launch_sets_them_again(
    removed: tuple[str, ...],
    mlflow_uri: str,
    mlflow_store: MlflowStore,
    make_trial: MakeTrial,
    finish: Finish,
    study: str,
    runs: Runs,
) -> None:
    trial = make_trial()
    finish(trial)
    mlflow_store.open_study(study, "?", "", mlflow_store.snapshot(study))
    before = mlflow_store.settle(study)
    client = connect(mlflow_uri)
    for kind in ("trial", "variant"):
        (run,) = runs(kind)
        for name in {*removed} & run.data.tags.keys():
            client.delete_tag(run.info.run_id, name)
    seen = MlflowStore(mlflow_uri).snapshot(study)
    assert seen.records[trial.key].run_id == before.records[trial.key].run_id
    assert seen.records[trial.key].state is State.FINISHED
    assert mlflow_store.find_finished([trial.key]).keys() <= {trial.key}
    after = mlflow_store.settle(study)
    assert [run.run_id for run in after.trials] == [run.run_id for run in before.trials]
    (run,) = runs()
    assert [name for name in IDENTITY if name not in run.data.tags] == []
    (run,) = runs("variant")
    assert run.data.tags["ablate.variant"] == trial.variant


@pytest.mark.cluster
@pytest.mark.parametrize("left", ["ablate.variant", "ablate.kind"])
def test_a_run_without_key_and_trial_is_that_of_its_seed_among_those_of_its_variant(
    left: str, mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, study: str
) -> None:
    """The variant is that of its tag, or of the run above it."""
    trials, client = [make_trial(0), make_trial(1)], connect(mlflow_uri)
    for trial in trials:
        finish(trial)
    listed = mlflow_store.snapshot(study)
    parents = mlflow_store.open_variants(trials, listed)
    for record in listed.trials:
        client.set_tag(record.run_id, "mlflow.parentRunId", parents[record.variant])
    before = mlflow_store.settle(study)
    run = before.records[trials[1].key].run_id
    for name in {*IDENTITY, "ablate.trial"} - {left}:
        client.delete_tag(run, name)
    seen = MlflowStore(mlflow_uri).snapshot(study)
    assert seen.records == before.records
    assert seen.lacks_tags
    assert mlflow_store.settle(study) == before
    assert not mlflow_store.snapshot(study).lacks_tags


@pytest.mark.cluster
def test_a_trial_and_the_name_of_a_metric_that_a_person_removes_are_set_again(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, paths: StudyPaths, study: str, runs: Runs
) -> None:
    trials = [make_trial(0), make_trial(1)]
    with SpoolTracker(paths) as tracker:
        for trial in trials:
            tracker.start(trial)
            tracker.record(trial, 1, {"linear/acc@1": 0.5})
            tracker.finish(trial, State.FINISHED)
    assert mlflow_store.upload(paths) == set()
    before = mlflow_store.settle(study, trials=trials)
    assert not mlflow_store.snapshot(study).lacks_tags
    run = runs()[0]
    for name in run.data.tags:
        if name.startswith(("ablate.trial", "ablate.name.")):
            connect(mlflow_uri).delete_tag(run.info.run_id, name)
    assert mlflow_store.snapshot(study).lacks_tags
    assert mlflow_store.settle(study, trials=trials) == before
    assert mlflow_store.snapshot(study) == before


@pytest.mark.cluster
def test_a_run_without_any_tag_is_left_alone(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, study: str
) -> None:
    finish(make_trial())
    client = connect(mlflow_uri)
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    own = client.create_run(experiment.experiment_id, run_name="notes").info.run_id
    keyless = client.create_run(experiment.experiment_id, tags={"ablate.kind": "trial"}).info.run_id
    assert set(mlflow_store.snapshot(study).records) == {make_trial().key}
    mlflow_store.settle(study)
    assert {client.get_run(run).info.lifecycle_stage for run in (own, keyless)} == {"active"}


@pytest.mark.cluster
def test_a_study_s_run_that_is_deleted_during_a_launch_is_made_again(
    mlflow_uri: str, mlflow_store: MlflowStore, study: str, runs: Runs
) -> None:
    deleted = mlflow_store.open_study(study, "?", "", mlflow_store.snapshot(study))
    connect(mlflow_uri).delete_run(deleted)
    snapshot = mlflow_store.settle(study)
    mlflow_store.write_claim(study, Claim("1", "process 7", "a"))
    mlflow_store.attach_text(study, "far", "answer.md")
    mlflow_store.close_study(study, State.FINISHED, snapshot)
    (run,) = runs("study")
    assert run.info.run_id != deleted
    assert run.info.status == "FINISHED"


@pytest.mark.cluster
def test_variants_nest_below_the_run_of_the_study_also_where_that_is_made_again(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, finish: Finish, study: str, runs: Runs
) -> None:
    def parents() -> list[str | None]:
        return [run.data.tags.get("mlflow.parentRunId") for run in runs("variant")]

    first = mlflow_store.open_study(study, "?", "", mlflow_store.snapshot(study))
    mlflow_store.open_variants([make_trial()], mlflow_store.snapshot(study))
    assert parents() == [first]
    finish(make_trial())
    mlflow_store.settle(study)
    assert parents() == [first]  # of the run that has the means
    connect(mlflow_uri).delete_run(first)
    mlflow_store.write_claim(study, Claim("1", "process 7", "a"))
    (again,) = runs("study")
    assert again.info.run_id != first
    assert parents() == [again.info.run_id]


@pytest.mark.cluster
@pytest.mark.parametrize("opened", [True, False])  # at the start of a launch, at its end
def test_variants_of_earlier_versions_nest_below_the_study_at_the_next_launch(
    opened: bool,
    mlflow_uri: str,
    mlflow_store: MlflowStore,
    make_trial: MakeTrial,
    finish: Finish,
    study: str,
    runs: Runs,
) -> None:
    made = mlflow_store.open_study(study, "?", "", mlflow_store.snapshot(study))
    finish(make_trial())
    mlflow_store.settle(study)
    (variant,) = runs("variant")
    connect(mlflow_uri).delete_tag(variant.info.run_id, "mlflow.parentRunId")
    again = MlflowStore(mlflow_uri)
    if opened:
        again.open_study(study, "?", "", again.snapshot(study))
    else:
        again.settle(study)
    (variant,) = runs("variant")
    assert variant.data.tags["mlflow.parentRunId"] == made


@pytest.mark.cluster
def test_a_variant_lasts_as_long_as_its_trials_took_the_device_and_usage_is_no_metric_of_a_trial(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, paths: StudyPaths, study: str
) -> None:
    trials = [make_trial(0), make_trial(1)]
    mlflow_store.open_study(study, "", "", mlflow_store.snapshot(study))
    mlflow_store.open_variants(trials, mlflow_store.snapshot(study))
    with SpoolTracker(paths) as tracker:
        for trial, seconds in zip(trials, (100.0, 20.0), strict=True):
            tracker.start(trial)
            tracker.record(trial, 1, {"linear/accuracy": 0.5})
            tracker.record_usage(trial, {"device_seconds": 1.0, "cpu_percentage": 90.0})
            tracker.record_usage(trial, {"device_seconds": seconds, "cpu_percentage": 95.0})
            tracker.finish(trial, State.FINISHED)
    assert mlflow_store.upload(paths) == set()
    snapshot = mlflow_store.settle(study, trials=trials)
    (variant,) = snapshot.variants
    info = connect(mlflow_uri).get_run(variant.run_id).info
    assert info.end_time is not None
    assert info.end_time - info.start_time == 120_000
    record = snapshot.records[trials[0].key]
    assert record.metrics == {"linear/accuracy": 0.5}
    assert (record.device_seconds, record.usage["cpu_percentage"]) == (100.0, 95.0)
    assert connect(mlflow_uri).get_run(record.run_id).data.metrics["system/cpu_percentage"] == 95.0
    alike = mlflow_store.finished_alike([trials[0].shape, "another"])
    assert {one.key for one in alike} == {trial.key for trial in trials}


@pytest.mark.cluster
def test_a_trial_that_fails_again_adds_to_the_duration_of_its_variant(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, paths: StudyPaths, study: str
) -> None:
    trial = make_trial()
    mlflow_store.open_study(study, "", "", mlflow_store.snapshot(study))
    mlflow_store.open_variants([trial], mlflow_store.snapshot(study))
    durations = []
    for _ in range(2):
        with SpoolTracker(paths) as tracker:
            tracker.start(trial)
            tracker.record_usage(trial, {"device_seconds": 100.0})
            tracker.finish(trial, State.FAILED, "out of memory")
        assert mlflow_store.upload(paths) == set()
        (variant,) = mlflow_store.settle(study, trials=[trial]).variants
        info = connect(mlflow_uri).get_run(variant.run_id).info
        assert (variant.state, info.end_time is not None) == (State.FAILED, True)
        durations.append((info.end_time or 0) - info.start_time)
    assert durations == [100_000, 200_000]


@pytest.mark.cluster
def test_a_study_has_a_link_to_its_variants_and_one_to_its_runs_nested(
    mlflow_uri: str, mlflow_store: MlflowStore, study: str
) -> None:
    mlflow_store.open_study(study, "", "", mlflow_store.snapshot(study), Columns("linear/accuracy"))
    links = mlflow_store.link(study), mlflow_store.link(study, nested=True)
    assert study_links(mlflow_uri)[study] == links
    for link, key in zip(links, ("ablate-ranking", "ablate-runs"), strict=True):
        assert link.startswith(f"{mlflow_uri}/#/experiments/")
        assert f"viewStateShareKey={key}&" in link

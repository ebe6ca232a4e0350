"""The Python API: what the command line does, as one call each, with typed values and errors.

A study is given as what `read_study` returns, or as the path or name of a study file.  `store` is the folder that holds
checkpoints and the embedded server's files; without one it is `ABLATE_STORE`, else `./ablate-store`.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import DataError, StudyError
from ablate.paths import Store, absolute, default_store
from ablate.study.model import Study
from ablate.study.read import SUFFIXES, read_study

if TYPE_CHECKING:
    import pandas as pd

    from ablate.driver.launch_options import Options
    from ablate.driver.progress import Listener
    from ablate.driver.status import Status
    from ablate.driver.summary import Summary
    from ablate.encoder import Encoder
    from ablate.planning.plan import Plan
    from ablate.reporting.report import Report

StudyLike = Study | Path | str


def check(study: StudyLike, *, yes: bool = False) -> Study:
    """The study, once all its names, values and combinations are found to be valid; nothing is run.

    Raises StudyError at the place of the first problem, with those that were found beside it as `others`, and for more
    than 10,000 trials unless `yes` confirms them; DataError where a file that a probe needs, such as the weights of a
    network, can be neither found nor downloaded.
    """
    from ablate.planning.valid_study import validate

    found = study_of(study)
    validate(found, yes)
    return found


def plan(
    study: StudyLike,
    *,
    store: Path | str | None = None,
    address: str = "",
    retry: bool = False,
    yes: bool = False,
    measure: bool = False,
    say: Callable[[str], None] | None = None,
) -> "Plan":
    """What a launch would run: every trial with its state and what is left to do, in packs, and what it costs.

    Costs are those of finished trials of the same method, network, data and probes, in this study or another one of
    the MLflow server.  With `measure` the other trials are timed: a few optimizer steps and one scoring of each kind,
    on this machine, for two minutes at most.  `say` is called with sentences on that, and on what a launch would lack:
    data files, and a store that can be written.  With the `address` of a Ray cluster it is planned for the cluster's
    nodes.  Raises StudyError as `check` does, and DataError where files of the user's own are missing: their content is
    part of the trials' keys.
    """
    from ablate.driver.launch_options import Options
    from ablate.planning.required_data import missing_files
    from ablate.planning.requirements import check_requirements

    found, folder = study_of(study), store_of(store)
    planned = without_cost(found, folder, Options(address=address, retry=retry), yes)
    if not planned.left and not planned.proposals:
        return planned
    check_requirements(found, [one.to_run for one in planned.left])
    say = say or ignore_sentence
    for sentence in missing_files(found):
        say(sentence)
    if not folder.writable:
        say(f"the store {folder.root} cannot be written; a launch needs one that can")
    return with_cost(planned, folder, measure, say)


def without_cost(study: Study, store: Store, options: "Options", yes: bool) -> "Plan":
    """What a launch with these options would run."""
    from ablate.added_seeds import known_trials
    from ablate.driver.claiming import launched_by
    from ablate.driver.launch_options import nodes_to_plan_for
    from ablate.driver.status import snapshot_of
    from ablate.driver.summary import first_trials, trials_of
    from ablate.planning.plan import make_plan
    from ablate.planning.required_data import require_data
    from ablate.planning.resolve import resolve

    paths, retry = store.study(study.name), options.retry
    trials = resolve(study, yes=yes) or trials_of(study, paths)
    require_data(study, trials)
    nodes = nodes_to_plan_for(options)
    snapshot = snapshot_of(store, study.name)
    launched = bool(launched_by(snapshot, paths))
    first = first_trials(study, trials, paths, snapshot.records, retry)
    known = known_trials(study, first, snapshot.records, retry=retry)
    return make_plan(study, known.trials, snapshot.records, nodes, retry=retry, launched=launched, more=known.more)


def ignore_sentence(sentence: str) -> None:
    """For a caller that wants no sentences."""


def with_cost(planned: "Plan", store: Store, measure: bool, say: Callable[[str], None]) -> "Plan":
    """The plan with the costs of its trials: as recorded, as measured before, or measured now."""
    from dataclasses import replace

    from ablate.driver.measured_costs import costs_alike, measure_unknown, measured_costs, with_costs
    from ablate.driver.status import tracking_of
    from ablate.planning.resolve import example_trials

    planned = replace(planned, examples=example_trials(planned.study))
    tracking = tracking_of(store)
    if tracking is not None:
        planned = with_costs(planned, costs_alike(tracking.finished_alike, planned))
    planned = with_costs(planned, measured_costs(store))
    return measure_unknown(planned, store, say) if measure else planned


def launch(
    study: StudyLike,
    *,
    store: Path | str | None = None,
    address: str = "",
    retry: bool = False,
    checkpoint_every: float = 60.0,
    listen: "Listener | None" = None,
    yes: bool = False,
    shared: bool = False,
) -> "Summary":
    """Run what is missing of a study and write its report.

    `address` is that of a Ray cluster (empty: Ray is started on this machine), `retry` runs failed trials again,
    `checkpoint_every` is in seconds, and `listen` is called with the progress and each message of the launch.
    Only you can read a new store, unless it is `shared`.
    Raises StudyError, DataError, ServiceError, and Interrupted where the launch was stopped.
    """
    from ablate.driver.announcer import ignore
    from ablate.driver.launch import launch as run_launch
    from ablate.driver.launch_options import Options

    options = Options(address, retry, checkpoint_every, shared)
    return run_launch(study_of(study), store_of(store), options, listen or ignore, yes=yes)


def status(study: StudyLike | None = None, *, store: Path | str | None = None) -> "tuple[Status, ...]":
    """The trials of a launched study by state; of all studies of the store where none is named.

    Raises StudyError for a study that was neither launched with this store nor submitted from it.
    """
    from dataclasses import replace

    from ablate.driver.status import BatchJob, Status, statuses
    from ablate.submit.jobs import job_of

    if study is None:
        return statuses(store_of(store), None)
    name, submitted = name_of(study), job_of(store_of(store), name_of(study))
    if submitted is None:
        return statuses(store_of(store), name)
    job = BatchJob(submitted.target, submitted.job_id, submitted.state.value, submitted.code)
    try:
        return tuple(replace(status, job=job) for status in statuses(store_of(store), name))
    except StudyError:  # the job has not begun to launch it
        return (Status(name, {}, job=job),)


def report(study: StudyLike, *, store: Path | str | None = None) -> "Report":
    """The report on a study from the results recorded now, which is also written to the study's folder.

    Beside a file and its name, `study` may be the name of a study that was launched with this store: it is reported as
    it was launched last.  Raises StudyError where the study was never launched.
    """
    from ablate.driver.report import write_current_report
    from ablate.driver.status import study_or_launched

    folder = store_of(store)
    found = study if isinstance(study, Study) else study_or_launched(folder, study)
    return write_current_report(found, folder).report


def trials(study: StudyLike, *, store: Path | str | None = None) -> "pd.DataFrame":
    """A row for each trial: key, name, method, dataset, seed, a column per axis, state, reason, a column per metric."""
    from ablate.driver.frames import trials_frame

    return trials_frame(study_of(study), store_of(store))


def epochs(study: StudyLike, *, store: Path | str | None = None) -> "pd.DataFrame":
    """A row for each trial and epoch: key, name, seed, a column per axis, epoch, a column per metric."""
    from ablate.driver.frames import epochs_frame

    return epochs_frame(study_of(study), store_of(store))


def stop(study: StudyLike, *, store: Path | str | None = None) -> str:
    """Request that the running launch of a study write checkpoints and stop; return a sentence that confirms it.

    Raises StudyError where no launch of the study runs.
    """
    from ablate.driver.stop import ask_to_stop

    return ask_to_stop(store_of(store), name_of(study))


def sync(study: StudyLike, *, store: Path | str | None = None) -> str:
    """Upload the records that MLflow did not get while it was away; return a sentence that confirms it.

    Raises ServiceError where records are left.
    """
    from ablate.driver.sync import upload_rest

    return upload_rest(store_of(store), name_of(study))


def logs(trial: str, *, study: str | None = None, store: Path | str | None = None) -> str:
    """The log and the traceback of a trial, by its name or the beginning of its key; empty while it waits.

    Raises StudyError where there is no such trial, or more than one.
    """
    from ablate.driver.logs import trial_log

    found = trial_log(store_of(store), trial, study)
    return found.log + found.traceback


def load_encoder(source: Path | str, *, store: Path | str | None = None) -> "Encoder":
    """The encoder after the last epoch, of a file `encoder.pt` or of a finished run in MLflow (`runs:/<run id>`).

    A run is looked up at MLFLOW_TRACKING_URI, else in the store.  Raises DataError where there is no such file or run.
    """
    from ablate.encoder import load_encoder as load_file

    if not str(source).startswith("runs:/"):
        return load_file(source)
    from ablate.track.artifacts import fetch

    with tempfile.TemporaryDirectory() as folder:
        file = fetch(store_of(store), str(source).removeprefix("runs:/").rstrip("/"), "encoder.pt", Path(folder))
        if file is None:
            raise DataError("this run has no encoder", "name a finished trial's run, and its store", str(source))
        return load_file(file)


def study_of(study: StudyLike) -> Study:
    return study if isinstance(study, Study) else read_study(study)


def store_of(folder: Path | str | None) -> Store:
    store = Store(absolute(folder)) if folder is not None else default_store()
    store.require_folder()
    return store


def name_of(study: StudyLike) -> str:
    """The name of a study, which is given as such, by its file, or by its name."""
    if isinstance(study, Study):
        return study.name
    return str(read_study(study).name) if Path(study).suffix in SUFFIXES else str(study)

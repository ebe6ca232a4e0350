"""The Python API: what the command line does, as one call each, with typed values and errors.

A study is given as what `read_study` returns, or as the path or name of a study file.  `store` is the folder that holds
checkpoints and the embedded server's files; without one it is `ABLATE_STORE`, else `./ablate-store`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ablate.paths import Store, default_store
from ablate.study.model import Study
from ablate.study.read import read_study

if TYPE_CHECKING:
    import pandas as pd

    from ablate.driver.progress import Listener
    from ablate.driver.status import Status
    from ablate.driver.summary import Summary
    from ablate.planning.plan import Plan
    from ablate.reporting.report import Report

StudyLike = Study | Path | str


def check(study: StudyLike, *, yes: bool = False) -> Study:
    """The study, once all its names, values and combinations are found to be valid; nothing is run.

    Raises StudyError at the place of the first problem, and for more than 10,000 trials unless `yes` confirms them.
    """
    from ablate.planning.resolve import resolve

    found = study_of(study)
    resolve(found, yes=yes)
    return found


def plan(
    study: StudyLike, *, store: Path | str | None = None, address: str = "", retry: bool = False, yes: bool = False
) -> "Plan":
    """What a launch would run: every trial with its state and what is left to do, in packs, and the time it takes.

    Raises StudyError as `check` does.
    """
    from ablate.driver.launch import Options
    from ablate.driver.status import records_of
    from ablate.driver.summary import trials_of
    from ablate.planning.plan import make_plan
    from ablate.planning.resolve import resolve

    found, folder = study_of(study), store_of(store)
    trials = resolve(found, yes=yes) or trials_of(found, folder.study(found.name))
    options = Options(address=address, retry=retry)
    return make_plan(found, trials, records_of(folder, found.name), options.nodes, retry=retry)


def launch(
    study: StudyLike,
    *,
    store: Path | str | None = None,
    address: str = "",
    retry: bool = False,
    checkpoint_every: float = 60.0,
    listen: "Listener | None" = None,
    yes: bool = False,
) -> "Summary":
    """Run what is missing of a study and write its report.

    `address` is that of a Ray cluster (empty: Ray is started on this machine), `retry` runs failed trials again,
    `checkpoint_every` is in seconds, and `listen` is called with the progress and each message of the launch.
    Raises StudyError, DataError, ServiceError, and Interrupted where the launch was stopped.
    """
    from ablate.driver.launch import Options, ignore
    from ablate.driver.launch import launch as run_launch

    options = Options(address, retry, checkpoint_every)
    return run_launch(study_of(study), store_of(store), options, listen or ignore, yes=yes)


def status(study: str | None = None, *, store: Path | str | None = None) -> "tuple[Status, ...]":
    """The trials of a launched study by state; of all studies of the store where none is named.

    Raises StudyError for a study that was not launched with this store.
    """
    from ablate.driver.status import statuses

    return statuses(store_of(store), study)


def report(study: StudyLike, *, store: Path | str | None = None) -> "Report":
    """The report on a study from the results recorded now, which is also written to the study's folder.

    Raises StudyError where the study was never launched.
    """
    from ablate.driver.report import write_current_report

    return write_current_report(study_of(study), store_of(store)).report


def trials(study: StudyLike, *, store: Path | str | None = None) -> "pd.DataFrame":
    """A row for each trial: key, name, method, dataset, seed, a column per axis, state, reason, a column per metric."""
    from ablate.driver.frames import trials_frame

    return trials_frame(study_of(study), store_of(store))


def epochs(study: StudyLike, *, store: Path | str | None = None) -> "pd.DataFrame":
    """A row for each trial and epoch: key, name, seed, a column per axis, epoch, a column per metric."""
    from ablate.driver.frames import epochs_frame

    return epochs_frame(study_of(study), store_of(store))


def study_of(study: StudyLike) -> Study:
    return study if isinstance(study, Study) else read_study(study)


def store_of(folder: Path | str | None) -> Store:
    return Store(Path(folder).expanduser().absolute()) if folder is not None else default_store()

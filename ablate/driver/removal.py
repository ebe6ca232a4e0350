"""Removing a study, and freeing the encoders of trials that no study names any more."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ablate.driver.claiming import live_launch
from ablate.driver.launch_lock import launching, owner_of
from ablate.driver.saved_plan import load_plan
from ablate.driver.status import check_launched, launched_studies
from ablate.errors import ServiceError
from ablate.paths import Store
from ablate.track import tags
from ablate.track.client import connect, connect_reader, search
from ablate.track.client_interface import Reader
from ablate.track.concurrent_requests import concurrently
from ablate.track.entities import Experiment, Run
from ablate.track.experiments import find_experiment
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import ensure_server
from ablate.track.stored_encoders import stored_encoders
from ablate.track.ui import reading_address


@dataclass(frozen=True)
class StudyRemoval:
    """What `ablate rm` removes of a study."""

    study: str
    experiment: Experiment | None
    runs: tuple[Run, ...]
    encoders: int
    encoder_bytes: int
    folder: Path
    folder_bytes: int


@dataclass(frozen=True)
class Garbage:
    """The encoders that no study needs any more."""

    runs: tuple[Run, ...]
    encoder_bytes: int


def find_study(store: Store, study: str) -> StudyRemoval:
    """What there is to remove of a study.

    Raises StudyError for an unknown one, and ServiceError while it is launched, from this store or another one.
    """
    check_launched(store, study)
    refuse_running(store, study)
    folder, address = store.study(study).folder, reading_address(store)
    reader = connect_reader(address) if address else None
    experiment = find_experiment(reader, study) if reader else None
    if experiment is not None and experiment.lifecycle_stage != "active":
        experiment = None
    runs = search(reader, [experiment.experiment_id], {}) if reader and experiment else []
    encoders = stored_encoders(store).of(runs)
    size = sum(one.size for one in encoders)
    return StudyRemoval(study, experiment, tuple(runs), len(encoders), size, folder, size_of(folder))


def remove_study(store: Store, removal: StudyRemoval) -> None:
    """Delete the study's runs as MLflow deletes them, their encoders, and the study's folder.

    The experiment gets another name before: MLflow keeps the names of deleted experiments, and a later launch of a
    study of this name starts anew.  Its runs can be restored in the UI, without their encoders.
    """
    paths = store.study(removal.study)
    with launching(paths.lock, removal.study):
        if removal.experiment is not None:
            server = ensure_server(store)
            try:
                client, now = connect(server.uri), datetime.now().strftime("%Y-%m-%d %H.%M.%S")
                client.rename_experiment(removal.experiment.experiment_id, f"{removal.study} (removed {now})")
                client.delete_experiment(removal.experiment.experiment_id)
            finally:
                server.stop()
            stored_encoders(store).delete(removal.runs)
        if os.environ.get("ABLATE_OPTUNA_STORAGE"):
            from ablate.search.storage import forget_shared  # with Optuna

            forget_shared(removal.study)
    shutil.rmtree(removal.folder, ignore_errors=True)


def find_garbage(store: Store) -> Garbage:
    """The encoders of trials that are in no study's last plan, and of runs that were deleted.

    A study without a plan, one of another store and one that is being launched, from this store or another one, keep
    all of theirs.
    """
    address = reading_address(store)
    if not address:
        return Garbage((), 0)
    reader, encoders = connect_reader(address), stored_encoders(store)
    planned = {study: load_plan(store.study(study)) for study in launched_studies(store)}
    named = {key for plan in planned.values() if plan is not None for key in plan.names}
    deleted = [run for run in existing_runs(reader, encoders.run_ids()) if run.info.lifecycle_stage == "deleted"]
    unused = [run for run in deleted if tags.KEY in run.data.tags]
    for study in settled_studies(store, [study for study, plan in planned.items() if plan]):
        experiment = find_experiment(reader, study)
        if experiment is not None and experiment.lifecycle_stage == "active":
            runs = search(reader, [experiment.experiment_id], {tags.KIND: "trial"})
            unused += [run for run in runs if run.data.tags.get(tags.KEY, "") not in {*named, ""}]
    held = {one.run_id: one.size for one in encoders.of(unused)}
    return Garbage(tuple(run for run in unused if run.info.run_id in held), sum(held.values()))


def existing_runs(reader: Reader, run_ids: Iterable[str]) -> Iterator[Run]:
    """The runs that MLflow has, active or deleted; others may be gone for good, and their files not."""
    for run_id in run_ids:
        with suppress(LookupError):
            yield reader.get_run(run_id)


def free_garbage(store: Store, garbage: Garbage) -> None:
    """Delete these encoders; their runs stay."""
    stored_encoders(store).delete(garbage.runs)


def settled_studies(store: Store, studies: Sequence[str]) -> list[str]:
    """Those of the studies that no launch runs."""
    launches = concurrently(lambda study: launch_of(store, study), studies)
    return [study for study, launch in zip(studies, launches, strict=True) if launch is None]


def refuse_running(store: Store, study: str) -> None:
    """Raise ServiceError while the study is being launched."""
    launch = launch_of(store, study)
    if launch is not None:
        remedy = f"end it there with ablate stop {study}, and remove it then"
        raise ServiceError(f"'{study}' is being launched by {launch}", remedy, str(store.root))


def launch_of(store: Store, study: str) -> str | None:
    """The launch of the study that is alive, from this store or another one; takes up to a minute."""
    paths, address = store.study(study), reading_address(store)
    if address:
        return live_launch(MlflowStore(address), study, paths)
    owner = owner_of(paths.lock)
    return None if owner is None else str(owner)


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def names_of(runs: Sequence[Run]) -> list[str]:
    """`study: name` of each run."""
    return [f"{run.data.tags.get(tags.STUDY, '')}: {run.info.run_name}" for run in runs]

"""What differs between two trials: settings, versions, data and metrics."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ablate.driver.logs import find_trial
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.record import TrialRecord
from ablate.track.mlflow_runs import trial_record
from ablate.track.mlflow_store import MlflowStore
from ablate.track.ui import reading_address
from ablate.trial import Config, Trial

RUNS = "runs:/"  # before the id of a run of MLflow
ENVIRONMENT = ("git", "versions", "device", "host")  # tags `ablate.…` of a trial's run


@dataclass(frozen=True)
class RecordedTrial:
    """A trial's record and where it ran."""

    name: str
    record: TrialRecord
    trial: Trial
    environment: Mapping[str, str]


@dataclass(frozen=True)
class DifferentValue:
    """A value that differs between two trials; None where one has none."""

    name: str
    first: str | int | float | None
    second: str | int | float | None


@dataclass(frozen=True)
class TrialDiff:
    """All that differs between two trials."""

    first: str  # names
    second: str
    settings: tuple[DifferentValue, ...]
    versions: tuple[DifferentValue, ...]
    data: tuple[DifferentValue, ...]
    metrics: tuple[DifferentValue, ...]  # the latest values


def diff_trials(first: str, second: str, store: Store, study: str | None = None) -> TrialDiff:
    """What differs between two trials, each given by its name, its key or `runs:/<run id>`.

    Raises StudyError where there is no such trial, several, or one that has no run yet.
    """
    one, other = (recorded_trial(name, store, study) for name in (first, second))
    return TrialDiff(
        first=one.name,
        second=other.name,
        settings=differing(settings_of(one.trial), settings_of(other.trial)),
        versions=differing(versions_of(one), versions_of(other)),
        data=differing(data_of(one.trial.config), data_of(other.trial.config)),
        metrics=differing(measured(one.record), measured(other.record)),
    )


def recorded_trial(name: str, store: Store, study: str | None) -> RecordedTrial:
    """The trial and its run.  Raises StudyError where there is none."""
    run_id = name.removeprefix(RUNS) if name.startswith(RUNS) else find_trial(store, name, study).run_id
    if not run_id:
        raise StudyError(f"the trial '{name}' has no run yet", "launch its study first")
    run = MlflowStore(reading_address(store)).run(run_id)
    record = trial_record(run) if run is not None else None
    if run is None or record is None or record.trial is None:
        raise StudyError(f"'{name}' is no trial that can be read", "name one by its key, as ablate status STUDY shows")
    environment = {name: run.data.tags.get(f"ablate.{name}", "") for name in ENVIRONMENT}
    return RecordedTrial(f"{record.trial.name} of {record.trial.study}", record, record.trial, environment)


def settings_of(trial: Trial) -> dict[str, object]:
    """The method, its settings, the recipe, the seed, and the probes with theirs; those of a pretraining too."""
    probes = {
        f"probes.{probe}.{name}": value for probe, settings in trial.probes.items() for name, value in settings.items()
    }
    return {**settings_in(trial.config), "probes": ", ".join(sorted(trial.probes)), **probes}


def settings_in(config: Config) -> dict[str, object]:
    own: dict[str, object] = {"method": config.method, "dataset": config.dataset, "seed": config.seed}
    own |= {f"method.{name}": value for name, value in config.settings.items()}
    own |= {f"training.{name}": value for name, value in config.training.items()}
    first = settings_in(config.first) if config.first else {}
    return {**own, **{f"pretraining: {name}": value for name, value in first.items()}}


def versions_of(found: RecordedTrial) -> dict[str, object]:
    """The revisions of method and data set, and what the trial ran on: commit, packages, device and host."""
    config = found.trial.config
    packages = [part.rpartition(" ") for part in found.environment["versions"].split(", ") if part]
    return {
        "revision of the method": config.revision,
        "commit": found.environment["git"],
        **{name: version for name, _, version in packages},
        "device": found.environment["device"],
        "host": found.environment["host"],
        **{f"probe {name}": digest for name, digest in found.record.probes.items()},
    }


def data_of(config: Config) -> dict[str, object]:
    return {"dataset": config.dataset, "version": config.version, "content": config.data}


def measured(record: TrialRecord) -> dict[str, object]:
    return {"state": str(record.state), "reason": record.reason, **dict(sorted(record.metrics.items()))}


def differing(first: Mapping[str, object], second: Mapping[str, object]) -> tuple[DifferentValue, ...]:
    """The values that differ, in the order of the first mapping."""
    return tuple(_differing(dict.fromkeys([*first, *second]), first, second))


def _differing(
    names: Iterable[str], first: Mapping[str, object], second: Mapping[str, object]
) -> Iterator[DifferentValue]:
    for name in names:
        one, other = plain(first.get(name)), plain(second.get(name))
        if one != other and (one == one or other == other):  # a NaN differs from itself, and two NaN are the same
            yield DifferentValue(name, one, other)


def plain(value: object) -> str | int | float | None:
    """A value as JSON and tables hold it; empty texts count as absent."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str | int | float) else str(value)

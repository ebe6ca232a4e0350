"""The data that a study needs: the content that its trials are keyed by, and the user's own files that are missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ablate.data import DATASETS
from ablate.errors import DataError
from ablate.paths import data_folder
from ablate.planning.resolve import resolve
from ablate.record import TrialRecord
from ablate.study.model import Study
from ablate.trial import ABSENT, Trial


def required_data(study: Study, trials: Sequence[Trial]) -> dict[str, str]:
    """Data set → content (`Config.data`) of a study's trials; of its cases where a search has proposed none yet."""
    if trials:
        return {trial.config.dataset: trial.config.data for trial in trials}
    return {name: DATASETS[name]().content(data_folder()) for name in study.datasets}


def require_data(study: Study, trials: Sequence[Trial]) -> None:
    """Raise DataError where files of the user's own are missing: without them trials have no key."""
    for name, content in sorted(required_data(study, trials).items()):
        if content == ABSENT:
            missing = DATASETS[name]().missing(data_folder())
            place = ", ".join(map(str, missing)) or str(data_folder())
            raise DataError(
                f"the data set '{name}' needs files of your own, which are missing",
                "put them there, or set ABLATE_DATA to the folder that holds them",
                place,
            )


def missing_files(study: Study) -> Iterator[str]:
    """A sentence for each data set of the study of which original files are missing on this machine."""
    folder = data_folder()
    for name in sorted(study.datasets):
        missing = [file for file in DATASETS[name].files if not file.find(folder).exists()]
        paths = ", ".join(file.path for file in missing)
        if any(not file.addresses for file in missing):
            remedy = "put them there, or set ABLATE_DATA to the folder that holds them"
            yield f"the data set '{name}' cannot be downloaded, and lacks {paths} in {folder}; {remedy}"
        elif missing:
            yield f"the data set '{name}' lacks {paths} in {folder}; a launch downloads them first"


def is_to_be_fetched(dataset: str) -> bool:
    """Whether the content of the data set will be part of the keys, and is not here yet."""
    return DATASETS[dataset]().incomplete(data_folder())


def on_fetched_data(study: Study, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials of a study, with the keys that they have since its data were downloaded."""
    known = required_data(study, trials)
    changed = any(DATASETS[name]().content(data_folder()) != content for name, content in known.items())
    return resolve(study, yes=True) if trials and changed else tuple(trials)


def on_recorded_data(trials: Sequence[Trial], records: Mapping[str, TrialRecord]) -> tuple[Trial, ...]:
    """The trials; those whose files are missing here are on the data that the study was run on last.

    So results can be read on a machine that does not have the data.
    """
    recorded = (record for record in records.values() if record.trial is not None)
    in_order = sorted(recorded, key=lambda record: record.started)
    latest = {record.trial.config.dataset: record.trial.config.data for record in in_order if record.trial}
    return tuple(
        replace(trial, config=trial.config.on_data(latest.get(trial.config.dataset, trial.config.data)))
        if trial.config.data == ABSENT or is_to_be_fetched(trial.config.dataset)
        else trial
        for trial in trials
    )

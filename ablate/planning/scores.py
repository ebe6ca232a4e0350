"""Which of a trial's scores are recorded, are missing, or cannot be had because their probe failed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ablate.planning.probe_digests import probe_digests
from ablate.record import TrialRecord
from ablate.trial import Trial


def missing_scores(trial: Trial, record: TrialRecord, retry: bool) -> dict[str, str]:
    """Probe → digest, of those without recorded scores; one that failed counts with `retry` only."""
    wanted, failed = probe_digests(trial), {} if retry else failed_probes(trial, record)
    return {name: value for name, value in wanted.items() if record.probes.get(name) != value and name not in failed}


def failed_probes(trial: Trial, record: TrialRecord) -> dict[str, str]:
    """Probe → why it failed to score the trial, of those that failed with the settings that the trial has."""
    if not record.unscored:
        return {}
    wanted = probe_digests(trial)
    return {
        name: reason
        for name, reason in record.unscored.items()
        if wanted.get(name) == record.failed_probes[name].digest
    }


def without_failed_scores(trials: Iterable[Trial], records: Mapping[str, TrialRecord]) -> dict[str, TrialRecord]:
    """The records; where a probe failed, without the scores that it gave before with other settings."""
    found = dict(records)
    for trial in trials:
        record = records.get(trial.key)
        if record is not None and record.failed_probes:
            failed = failed_probes(trial, record)
            others = {name: value for name, value in record.metrics.items() if name.partition("/")[0] not in failed}
            kept = {name: failure for name, failure in record.failed_probes.items() if name in failed}
            found[trial.key] = replace(record, metrics=others, failed_probes=kept)
    return found

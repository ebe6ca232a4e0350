"""Tags that a person has removed from a study's runs in MLflow's pages: found, and set again."""

from collections.abc import Mapping, Sequence

from ablate.track import tags
from ablate.track.client_interface import Client
from ablate.track.entities import Run, RunData
from ablate.track.mlflow_runs import kind_of, snapshot_of
from ablate.track.store import Snapshot
from ablate.trial import Trial

Lost = dict[str, dict[str, str]]  # run id → its tags


def lost_tags(study: str, runs: Sequence[Run], trials: Mapping[str, Trial], snapshot: Snapshot | None = None) -> Lost:
    """What the study's runs lack, as far as their other tags, the study's other runs or its trials (by key) tell it.

    `snapshot` is that of these runs and trials, where the caller has it.  The original name of a metric is known as
    long as one run of the study has it.
    """
    snapshot = snapshot or snapshot_of(study, runs, trials.values())
    records = {record.run_id: record for record in snapshot.trials}
    variants = {run.run_id: run.variant for run in snapshot.variants}
    names = {name: original for run in runs for name, original in tags.original_names(run.data.tags).items()}
    lost = {}
    for run in runs:
        record = records.get(run.info.run_id)
        trial = (record.trial or trials.get(record.key)) if record else None
        wanted = wanted_tags(study, run, names, trial, variants.get(run.info.run_id, ""))
        missing = {name: value for name, value in wanted.items() if name not in run.data.tags}
        if trial is not None and tags.trial_of_tags(run.data.tags) is None:
            missing |= tags.trial_json_tags(trial)  # all pieces: those that are left cannot be read alone
        if missing:
            lost[run.info.run_id] = missing
    return lost


def wanted_tags(study: str, run: Run, names: Mapping[str, str], trial: Trial | None, variant: str) -> dict[str, str]:
    """The tags that a run of the study needs to be found and read; none for a run that ablate did not make.

    `names` holds metrics' original names by those that MLflow has; `trial` and `variant` are those of the run, if any.
    """
    kind = kind_of(run)
    if kind not in ("study", "variant", "trial"):
        return {}
    wanted = {tags.KIND: kind, tags.STUDY: study}
    wanted |= tags.name_tags(names[name] for name in run.data.metrics if name in names)
    if variant:
        wanted[tags.VARIANT] = variant
    return wanted | (tags.missing_identity(run.data.tags, trial) if trial else {})


def restore_tags(client: Client, lost: Lost, runs: Sequence[Run]) -> list[Run]:
    """Set what runs lack; the runs as they are then."""
    for run_id, missing in lost.items():
        client.log_batch(run_id, tags=missing)
    return [with_tags(run, lost[run.info.run_id]) if run.info.run_id in lost else run for run in runs]


def with_tags(run: Run, added: Mapping[str, str]) -> Run:
    """The run with these tags, too."""
    return Run(run.info, RunData(run.data.metrics, run.data.params, {**run.data.tags, **added}))

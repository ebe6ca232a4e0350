"""MLflow's runs as the values that `ablate.track.store` defines."""

from collections.abc import Iterable

from ablate.events import State
from ablate.record import TrialRecord
from ablate.track import tags
from ablate.track.client import logged_value
from ablate.track.entities import Run
from ablate.track.run_state import state_of
from ablate.track.store import Claim, Snapshot, StudyRun, VariantRun


def snapshot_of(study: str, runs: Iterable[Run]) -> Snapshot:
    """The snapshot of a study with these runs, oldest first; runs that ablate did not make are left out."""
    kinds: dict[str, list[Run]] = {"study": [], "variant": [], "trial": []}
    for run in runs:
        kinds.get(run.data.tags.get(tags.KIND, ""), []).append(run)
    return Snapshot(
        study,
        tuple(map(study_run, kinds["study"])),
        tuple(map(variant_run, kinds["variant"])),
        tuple(map(trial_record, kinds["trial"])),
    )


def run_state(run: Run) -> State:
    return state_of(run.info.status, run.data.tags.get(tags.STATE, ""))


def study_run(run: Run) -> StudyRun:
    held = run.data.tags
    launch = held.get(tags.LAUNCH)
    claim = Claim(launch, held.get(tags.OWNER, ""), held.get(tags.HEARTBEAT, "")) if launch else None
    return StudyRun(run.info.run_id, run_state(run), claim)


def variant_run(run: Run) -> VariantRun:
    found = run.data.tags
    return VariantRun(run.info.run_id, found[tags.VARIANT], run_state(run), found.get(tags.AGGREGATE, ""))


def trial_record(run: Run) -> TrialRecord:
    found = run.data.tags
    names = tags.original_names(found)
    trial = tags.trial_of_tags(found)
    return TrialRecord(
        run_id=run.info.run_id,
        key=found[tags.KEY],
        variant=found[tags.VARIANT],
        seed=int(found[tags.SEED]),
        state=run_state(run),
        probes=tags.without_prefix(tags.PROBE, found),
        metrics={names.get(name, name): logged_value(value) for name, value in run.data.metrics.items()},
        levels=trial.levels if trial else {},
        params=run.data.params,
        trial=trial,
        reason=found.get(tags.REASON, ""),
        started=run.info.start_time / 1000,
        ended=run.info.end_time / 1000 if run.info.end_time else None,
        parent=found.get(tags.PARENT, ""),
        failed_probes=tags.failed_probes_of(found),
    )

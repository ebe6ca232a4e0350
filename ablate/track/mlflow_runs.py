"""MLflow's runs as the values that `ablate.track.store` defines."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ablate.events import State
from ablate.record import USAGE, TrialRecord
from ablate.track import tags
from ablate.track.curves import logged_value
from ablate.track.entities import Run
from ablate.track.run_state import state_of
from ablate.track.store import Claim, Snapshot, StudyRun, VariantRun
from ablate.trial import Trial


def snapshot_of(study: str, runs: Iterable[Run], trials: Iterable[Trial] = ()) -> Snapshot:
    """The snapshot of a study with these runs, oldest first; `trials` are some that it is known to have.

    Left out are runs that ablate did not make, and those that a person has left without the tags that identify them: a
    run needs its key or its trial, or its variant and seed where a trial of that variant is known.
    """
    kinds: dict[str, list[Run]] = {"study": [], "variant": [], "trial": []}
    for run in runs:
        kinds.get(kind_of(run), []).append(run)
    known = {trial.variant: trial for trial in trials}
    held = [tags.trial_of_tags(run.data.tags) for run in kinds["trial"]]
    for run, trial in zip(kinds["trial"], held, strict=True):
        if trial is not None:
            known[run.data.tags.get(tags.VARIANT) or trial.variant] = trial
    tagged = {run.info.run_id: run.data.tags.get(tags.VARIANT, "") for run in kinds["variant"]}
    records = (
        trial_record(run, trial or alike(run, known, tagged)) for run, trial in zip(kinds["trial"], held, strict=True)
    )
    found = tuple(record for record in records if record is not None)
    variant_of = {record.parent: record.variant for record in found}
    variants = (variant_run(run, variant_of.get(run.info.run_id, "")) for run in kinds["variant"])
    studies = tuple(map(study_run, kinds["study"]))
    return Snapshot(study, studies, tuple(run for run in variants if run is not None), found)


def kind_of(run: Run) -> str:
    """The tag that says what the run is of, or what follows from its other tags where a person has removed it."""
    held = run.data.tags
    if tags.KIND in held:
        return held[tags.KIND]
    if {tags.KEY, tags.TRIAL, tags.FORMER_TRIAL} & held.keys():
        return "trial"
    if tags.VARIANT in held:
        return "trial" if tags.SEED in held or "seed" in run.data.params else "variant"
    return "study" if tags.STUDY in held else ""


def run_state(run: Run) -> State:
    return state_of(run.info.status, run.data.tags.get(tags.STATE, ""))


def study_run(run: Run) -> StudyRun:
    held = run.data.tags
    launch = held.get(tags.LAUNCH)
    claim = Claim(launch, held.get(tags.OWNER, ""), held.get(tags.HEARTBEAT, "")) if launch else None
    return StudyRun(run.info.run_id, run_state(run), claim)


def variant_run(run: Run, variant: str = "") -> VariantRun | None:
    """The run of a variant, whose key follows from its trials where it has no tag; None where nothing tells the key."""
    found = run.data.tags
    variant = found.get(tags.VARIANT, variant)
    if not variant:
        return None
    started, ended = run.info.start_time / 1000, run.info.end_time / 1000 if run.info.end_time else None
    aggregate, parent = found.get(tags.AGGREGATE, ""), found.get(tags.PARENT, "")
    return VariantRun(run.info.run_id, variant, run_state(run), aggregate, started, parent, ended)


def alike(run: Run, known: Mapping[str, Trial], variants: Mapping[str, str]) -> Trial | None:
    """The trial of a run whose tags do not hold it: that of its seed in its variant; None where nothing tells it.

    `known` holds a trial of each variant by the variant's key, `variants` those keys by the ids of the variants' runs.
    """
    held = run.data.tags
    other = known.get(held.get(tags.VARIANT) or variants.get(held.get(tags.PARENT, ""), ""))
    seed = held.get(tags.SEED) or run.data.params.get("seed", "")
    if other is None or not seed.isdecimal():
        return None
    trial = replace(other, config=other.config.seeded(int(seed)))
    return trial if held.get(tags.KEY, trial.key) == trial.key else None


def trial_record(run: Run, trial: Trial | None = None) -> TrialRecord | None:
    """The record of a trial, which is given where its tags do not hold it; None for a run without a key."""
    trial = trial or tags.trial_of_tags(run.data.tags)
    found = {**(tags.missing_identity(run.data.tags, trial) if trial else {}), **run.data.tags}
    if not {tags.KEY, tags.VARIANT} <= found.keys():
        return None
    names = tags.original_names(found)
    values = {names.get(name, name): logged_value(value) for name, value in run.data.metrics.items()}
    return TrialRecord(
        run_id=run.info.run_id,
        key=found[tags.KEY],
        variant=found[tags.VARIANT],
        seed=int(found.get(tags.SEED) or run.data.params.get("seed") or 0),
        state=run_state(run),
        probes=tags.without_prefix(tags.PROBE, found),
        metrics={name: value for name, value in values.items() if not name.startswith(USAGE)},
        levels=trial.levels if trial else {},
        params=run.data.params,
        trial=trial,
        reason=found.get(tags.REASON, ""),
        started=run.info.start_time / 1000,
        ended=run.info.end_time / 1000 if run.info.end_time else None,
        parent=found.get(tags.PARENT, ""),
        failed_probes=tags.failed_probes_of(found),
        environment={name: found[f"ablate.{name}"] for name in tags.ENVIRONMENT if f"ablate.{name}" in found},
        usage=tags.without_prefix(USAGE, values),
    )

"""The MLflow runs that group a variant's seeds."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ablate.events import State
from ablate.record import TrialRecord
from ablate.track import tags
from ablate.track.client_interface import Client
from ablate.track.concurrent_requests import concurrently
from ablate.track.params import params_of
from ablate.track.run_state import STATUSES
from ablate.track.store import VariantRun
from ablate.track.timestamps import milliseconds
from ablate.trial import Trial

ORDER = (State.RUNNING, State.FAILED, State.KILLED, State.FINISHED)  # a variant has the first that a trial of it has


def make_variant_run(client: Client, experiment: str, trial: Trial, parent: str = "") -> str:
    """The id of a new run for the trial's variant, below the run of the study, which is `parent`."""
    run_tags = {tags.KIND: "variant", tags.STUDY: trial.study, tags.VARIANT: trial.variant}
    if parent:
        run_tags[tags.PARENT] = parent
    run_id = client.create_run(experiment, tags=run_tags, run_name=trial.variant_name).info.run_id
    client.log_batch(run_id, params=params_of(trial, seeded=False))
    return run_id


def nest(client: Client, parent: str, runs: Iterable[VariantRun]) -> None:
    """Make runs of variants children of the study's run; without one they stay where they are."""
    strays = [run.run_id for run in runs if parent and run.parent != parent]
    concurrently(lambda stray: client.set_tag(stray, tags.PARENT, parent), strays)


def variant_state(states: Collection[State]) -> State:
    """The state of a variant whose trials have these."""
    statuses = {STATUSES[state] for state in states}
    return next(state for state in ORDER if STATUSES[state] in statuses)


def close_variant_run(client: Client, run: VariantRun, trials: Sequence[TrialRecord]) -> VariantRun:
    """Set the run's state to the one that follows from its trials'; its duration is the sum of theirs.

    MLflow computes durations from start and end, and the start of a run cannot be changed: so its end is set, also
    where a trial that was run again has left the state as it was.
    """
    state = variant_state([trial.state for trial in trials])
    if state is State.RUNNING:
        if state is not run.state:
            client.update_run(run.run_id, status=STATUSES[state])
        return replace(run, state=state)
    took = [trial.device_seconds for trial in trials if trial.device_seconds is not None]
    ended = milliseconds((run.started or time.time()) + sum(took))
    if state is run.state and (not took or ended == milliseconds(run.ended or 0.0)):
        return run
    client.set_terminated(run.run_id, STATUSES[state], ended)
    return replace(run, state=state, ended=ended / 1000)


def close_unused(client: Client, run: VariantRun) -> VariantRun:
    """Set the run to killed if it is running: none of its trials has a run."""
    if run.state is not State.RUNNING:
        return run
    client.set_terminated(run.run_id, STATUSES[State.KILLED])
    return replace(run, state=State.KILLED)

"""Corrects the runs of trials whose processes have died."""

from collections.abc import Collection
from dataclasses import replace

from ablate.events import State
from ablate.record import TrialRecord
from ablate.track import tags
from ablate.track.client_interface import Client
from ablate.track.run_state import STATUSES
from ablate.track.store import Snapshot
from ablate.track.timestamps import now


def reconcile(
    client: Client, snapshot: Snapshot, running: Collection[str] = frozenset(), abandoned: State = State.KILLED
) -> Snapshot:
    """Set RUNNING trials to `abandoned`, and delete those that have another run; the snapshot as it is then.

    Trials whose keys are in `running` are left as they are.  Spools must have been sent before: they hold how a trial
    ended that MLflow has as RUNNING.
    """
    trials = []
    for record in snapshot.trials:
        if record.state is not State.RUNNING or record.key in running:
            trials.append(record)
        elif record is snapshot.records[record.key]:
            trials.append(end(client, record, abandoned))
        else:
            client.delete_run(record.run_id)
    return replace(snapshot, trials=tuple(trials))


def end(client: Client, record: TrialRecord, state: State) -> TrialRecord:
    """Set a run's state; the record as it is then."""
    time = now()
    client.set_tag(record.run_id, tags.STATE, state)
    client.set_terminated(record.run_id, STATUSES[state], time)
    return replace(record, state=state, ended=time / 1000)

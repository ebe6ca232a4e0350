"""Closes a launch: brings the tracking store up to date, writes the report and summarizes what the launch did."""

import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ablate.driver.launch_context import LaunchContext
from ablate.driver.saved_plan import save_plan
from ablate.driver.summary import Summary, lasting_link, summarize
from ablate.errors import ServiceError
from ablate.events import Stage, State
from ablate.patience import AFTER_ERROR
from ablate.planning.plan import Plan, Work
from ablate.record import TrialRecord
from ablate.track.store import TrackingStore
from ablate.trial import Trial


def close(context: LaunchContext, tracking: TrackingStore, plan: Plan, ended: Collection[str], unsent: int) -> Summary:
    """Bring the runs up to date, write the report, and return the summary; a stop from now on changes nothing.

    `plan` was made before the trials ran, `ended` holds the keys of those that ended since, and `unsent` is the number
    of trials whose records could not be sent.
    """
    asked = context.paths.stop.exists()
    planned = [one.trial for one in plan.trials]
    snapshot = tracking.settle(context.name, abandoned=State.STOPPED if asked else State.KILLED, trials=planned)
    now = context.plan(snapshot.records, retry=False)
    trials = context.known(snapshot.records).trials
    context.announcer.enter(Stage.REPORTING)
    report = write_and_attach_report(context, tracking, trials, snapshot.records)
    save_plan(now, context.paths, snapshot.records)
    stopped = asked and not context.is_over(now, snapshot.records)
    if not stopped and not now.left:
        shutil.rmtree(context.paths.pretrained_folder, ignore_errors=True)  # no trial is left that starts from them
    state = State.STOPPED if stopped else State.FAILED if now.failed or now.failed_probes else State.FINISHED
    tracking.close_study(context.name, state, snapshot)
    context.announcer.enter(Stage.ENDING)
    done = {"ran": len(ended), **count_done(plan, context.announcer.progress.ends)}
    runs = lasting_link(tracking, context.name)
    return summarize(now, context.paths, report=report, **done, stopped=stopped, unsent=unsent, runs=runs)


def write_and_attach_report(
    context: LaunchContext, tracking: TrackingStore, trials: Sequence[Trial], records: Mapping[str, TrialRecord]
) -> Path:
    """Write the report and attach it to the study's run; the file."""
    from ablate.driver.report import write_report_of  # imports matplotlib and pandas: not for a settled study

    file = write_report_of(context.study, context.paths, tracking, trials, dict(records))
    tracking.attach(context.name, context.paths.report, "report")
    return file


def count_done(plan: Plan, ends: Mapping[str, State]) -> dict[str, int]:
    """How many trials finished in this launch: trained, and scored only."""
    score = {planned.key for planned in plan.left if planned.work is Work.SCORE}
    finished = {key for key, state in ends.items() if state is State.FINISHED}
    return {"trained": len(finished - score), "scored": len(finished & score)}


def close_as_killed(context: LaunchContext, tracking: TrackingStore) -> None:
    """After an error or an interruption, set the runs that this launch left open to killed, if MLflow answers."""
    context.interrupts.allow_another()
    tracking.patience = 0.0  # it has been waited for, or the user wants an end
    with suppress(ServiceError):
        tracking.upload(context.paths, AFTER_ERROR)
        tracking.settle(context.name)
        tracking.close_study(context.name, State.KILLED)

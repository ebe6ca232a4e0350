"""Runs the packs of a launch: starts the executor, follows its messages, and starts another one where it dies."""

from collections.abc import Callable, Mapping

from ablate.added_seeds import ended_scores
from ablate.cluster.executor import Executor, ExecutorDied
from ablate.driver.claiming import taken_over_by
from ablate.driver.launch_context import LaunchContext
from ablate.driver.measured_costs import costs_alike, with_costs
from ablate.driver.reuse import reuse_encoders
from ablate.events import Ended, ExecutorLost, Ready, Stage, State, Stopping
from ablate.interrupts import deferred
from ablate.launch_config import LaunchConfig, Outcome, RunRef
from ablate.planning.early_stopping import recorded_as
from ablate.planning.outcomes import outcome_of, outcomes_of, with_curves
from ablate.planning.plan import Plan, PlannedTrial
from ablate.track.concurrent_requests import concurrently
from ablate.track.store import Snapshot, TrackingStore
from ablate.trial import Trial

ROUNDS = 3  # executors that a launch starts at most


class Execution:
    """The executor of a launch, and the trials that have ended since it began."""

    def __init__(self, context: LaunchContext) -> None:
        self.context = context
        self.executor: Executor | None = None
        self.ready = False  # whether the executor runs packs; before that, a stop has nothing to wait for
        self.ended: set[str] = set()  # keys
        self.successor = ""  # another launch that has taken this one for dead

    def start(self) -> None:
        """Start an executor, which waits for what it is to run."""
        self.ready = False
        with deferred():
            self.executor = self.context.backends.executor(self.context.paths, self.context.options)

    def require_cluster(self, data: Mapping[str, str]) -> None:
        """Wait until the cluster is known to fit the launch, and its nodes to have this data (data set → content)."""
        if self.executor is not None:
            self.executor.require_cluster(data)

    def kill(self) -> None:
        """End the executor at once, if there is one."""
        if self.executor is not None:
            self.executor.kill()

    def give_way(self, other: str) -> None:
        """End the executor, since another launch has taken this one for dead and goes on with the study."""
        self.successor = other
        self.kill()

    def confirm(self) -> None:
        """Raise ServiceError where another launch has taken the study over."""
        if self.successor:
            raise taken_over_by(self.successor, self.context.name)

    def run(self, plan: Plan, snapshot: Snapshot, tracking: TrackingStore, keep_server: Callable[[], None]) -> None:
        """Run the plan's packs, with a new executor where one dies; `keep_server` is called after each message."""
        context = self.context
        plan = reuse_encoders(plan, tracking, context.paths)
        context.announcer.progress.follow(with_costs(plan, costs_alike(tracking.finished_alike, plan)))
        parents = tracking.open_variants([planned.trial for planned in plan.left], snapshot)
        context.announcer.enter(Stage.STARTING_RAY)
        for attempt in range(ROUNDS):
            try:
                self.follow(self.launch_config(plan, snapshot, parents, tracking), keep_server)
                return
            except ExecutorDied:
                self.confirm()
                if context.paths.stop.exists():
                    return  # it is not started again only to stop
                if attempt + 1 == ROUNDS or context.options.cluster:
                    raise
            context.announcer.announce(ExecutorLost())
            context.upload(tracking)
            snapshot = tracking.snapshot(context.name)
            plan = context.plan(snapshot.records, retry=context.options.retry)
            self.start()

    def launch_config(
        self, plan: Plan, snapshot: Snapshot, parents: Mapping[str, str], tracking: TrackingStore
    ) -> LaunchConfig:
        """What the executor is to run: the plan's packs, without the trials that have ended in this launch."""
        context = self.context
        left = (tuple(trial for trial in pack if trial.key not in self.ended) for pack in plan.packs)
        return LaunchConfig(
            store=str(context.store.root),
            uri=tracking.uri,
            study=str(context.paths.study),
            packs=tuple(pack for pack in left if pack),
            run_refs={planned.key: run_ref(planned, parents) for planned in plan.left},
            outcomes=self.outcomes(plan, snapshot, tracking),
            checkpoint_every=context.options.checkpoint_every,
            first=context.listed_trials() if context.study.seed_rule else (),
            judged=judged_trials(plan),
            device_seconds=context.announcer.progress.budget_left if plan.study.budget is not None else None,
        )

    def outcomes(self, plan: Plan, snapshot: Snapshot, tracking: TrackingStore) -> dict[str, Outcome]:
        """What earlier launches have of each trial, with its curve where a pruner compares curves."""
        study, records, retry = self.context.study, snapshot.records, self.context.options.retry
        if study.seed_rule is not None:
            scores = ended_scores(study, [planned.trial for planned in plan.trials], records, retry)
            return {key: outcome_of(study.metric, score) for key, score in scores.items()}
        found = outcomes_of(study, records, retry)
        if study.early_stopping is None:
            return found
        metric = recorded_as(study)
        begun = {key: record.run_id for key, record in records.items() if metric in record.metrics}
        curves = concurrently(lambda run_id: tracking.curves(run_id, [metric])[metric], list(begun.values()))
        return with_curves(found, dict(zip(begun, curves, strict=True)))

    def follow(self, config: LaunchConfig, keep_server: Callable[[], None]) -> None:
        """Announce the executor's messages; the first signal asks it to stop, the second ends everything."""
        assert self.executor is not None, "something is left to run"
        with self.context.interrupts.first_calls(self.stop):
            for message in self.executor.run(config):
                self.confirm()
                self.ready = self.ready or isinstance(message, Ready)
                if isinstance(message, Ended) and message.state is not State.STOPPED:
                    self.ended.add(message.trial)
                self.context.announcer.announce(message)
                keep_server()

    def stop(self) -> None:
        """Ask every process of the launch to write checkpoints and stop; end the launch where none has begun."""
        if not self.ready:
            self.context.interrupts.end()
        self.context.paths.stop.touch()
        self.context.announcer.announce(Stopping())


def judged_trials(plan: Plan) -> tuple[Trial, ...]:
    """With a pruner, the trials that it judges: all that are known, but those that confirm the best of a search."""
    if plan.study.early_stopping is None:
        return ()
    seeds = plan.study.first_seeds if plan.study.search is not None else None
    return tuple(one.trial for one in plan.trials if seeds is None or one.trial.config.seed in seeds)


def run_ref(planned: PlannedTrial, parents: Mapping[str, str]) -> RunRef:
    """The trial's place in the tracking store."""
    run_id = planned.record.run_id if planned.record else ""
    taken = (planned.record.device_seconds if planned.record else None) or 0.0
    return RunRef(parents.get(planned.trial.variant, ""), run_id, planned.record is not None, planned.probes, taken)

"""One launch: plan what is missing of a study, run it, upload its records, write the report."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from ablate.cluster.executor import Executor, ExecutorDied
from ablate.driver.backends import RAY_AND_MLFLOW, Backends
from ablate.driver.claiming import Heartbeat, claimed, refuse_second_launch
from ablate.driver.launch_lock import Owner, launching
from ablate.driver.launch_options import Options
from ablate.driver.progress import LaunchProgress, Listener
from ablate.driver.reuse import reuse_encoders
from ablate.driver.saved_plan import save_plan
from ablate.driver.summary import Summary, is_closed, is_reported, search_over, summarize, trials_of
from ablate.driver.sync import with_waiting_records
from ablate.errors import Interrupted, ServiceError
from ablate.events import (
    Ended,
    ExecutorLost,
    JournalRepaired,
    LaunchConfig,
    Message,
    Ready,
    RunRef,
    Stage,
    StageBegan,
    State,
    Stopping,
)
from ablate.interrupts import Interrupts, deferred, handled
from ablate.paths import Store, StudyPaths
from ablate.permissions import store_permissions
from ablate.planning.plan import Plan, PlannedTrial, Work, make_plan, objective_values
from ablate.planning.required_data import require_data, required_data
from ablate.planning.requirements import fetch_requirements
from ablate.planning.resolve import resolve
from ablate.planning.resources import slots
from ablate.planning.scores import without_failed_scores
from ablate.reporting.content import report_of
from ablate.run import prepare
from ablate.stats.results import results_of
from ablate.stopping import clear_stop_requests
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.track.environment import installed
from ablate.track.sent import open_trials
from ablate.track.server import Server
from ablate.track.store import Claim, Snapshot, TrackingStore
from ablate.trial import Trial

ROUNDS = 3  # executors that a launch starts at most
PATIENCE = 60.0  # seconds that a launch waits for a server that is away, at its start and at its end


def ignore(progress: LaunchProgress, message: Message) -> None:
    """A listener that shows nothing."""


def launch(
    study: Study,
    store: Store,
    options: Options | None = None,
    listen: Listener = ignore,
    *,
    yes: bool = False,
    backends: Backends = RAY_AND_MLFLOW,
) -> Summary:
    """Run what is missing of a study; the study, its data and its resources are checked before anything starts.

    SIGINT, SIGTERM and SIGHUP are handled alike: while trials run, the first one makes them write checkpoints and stop;
    while the launch closes, it goes on closing; before that it ends the launch, as a second signal does at any time.
    Raises StudyError, DataError, ServiceError, and Interrupted where the launch was stopped.
    """
    options = options or Options()
    with handled() as interrupts, store_permissions(store, options.shared):
        return launch_handled(study, store, options, listen, yes, backends, interrupts)


def launch_handled(
    study: Study,
    store: Store,
    options: Options,
    listen: Listener,
    yes: bool,
    backends: Backends,
    interrupts: Interrupts,
) -> Summary:
    """`launch`, once signals are handled."""
    designed = resolve(study, yes=yes)
    if options.nodes:
        slots(options.nodes, study)
    if not store.writable:  # a finished study can be read
        return Launch(study, designed, store, options, listen, backends).settled() or refused_store(store)
    require_data(study, designed)
    prepare(required_data(study, designed), store.tensors)
    paths = store.study(study.name)
    paths.folder.mkdir(parents=True, exist_ok=True)
    current = Launch(study, designed, store, options, listen, backends, interrupts)
    with launching(paths.lock, study.name, current.give_way):
        clear_stop_requests(paths)
        current.repair_journal()
        summary = current.settled()
        if summary is None:
            fetch_requirements(study, designed)
            summary = current.start()
    if summary.stopped:
        raise Interrupted(
            f"stopped with {summary.finished} of {summary.total} trials finished", "launch again to go on"
        )
    return summary


def refused_store(store: Store) -> NoReturn:
    """Raise StudyError: the store cannot be written, and something is left to do."""
    store.require_writable()
    raise AssertionError


@dataclass
class Launch:
    """A launch in progress."""

    study: Study
    designed: tuple[Trial, ...]  # none where the study searches
    store: Store
    options: Options
    listen: Listener
    backends: Backends
    interrupts: Interrupts = field(default_factory=Interrupts)
    snapshot: Snapshot | None = None  # the listing at the start
    idle: bool = False  # nothing is left to run: at most the report is out of date
    ended: set[str] = field(default_factory=set)  # keys of trials that ended in this launch
    executor: Executor | None = None
    ready: bool = False  # whether the executor runs packs; before that, a stop has nothing to wait for
    successor: Owner | None = None  # a launch on another machine that has taken this one for dead

    plan: Plan = field(init=False)  # of that listing
    server: Server = field(init=False)
    tracking: TrackingStore = field(init=False)
    heartbeat: Heartbeat = field(init=False)
    progress: LaunchProgress = field(default_factory=LaunchProgress)

    @property
    def paths(self) -> StudyPaths:
        return self.store.study(self.study.name)

    def repair_journal(self) -> None:
        """Make the journal of a search readable, and say so where it was not."""
        if self.study.search is None:
            return
        from ablate.search.journal import repair_journal

        if lines := repair_journal(self.study, self.paths.search):
            self.show(JournalRepaired(lines, f"{self.paths.search}.damaged"))

    def settled(self) -> Summary | None:
        """The summary of a study that is complete and reported, found without starting anything; None otherwise."""
        address = self.backends.address(self.store)
        if not address or open_trials(self.paths):
            return None
        tracking = self.backends.tracking(address)
        snapshot = self.list_and_plan(tracking)
        if self.refuse_second_launch(tracking, snapshot.claim):
            snapshot = self.list_and_plan(tracking)
        if not self.idle or not is_closed(snapshot) or not is_reported(self.study, self.paths):
            return None
        return summarize(self.plan, self.paths, report=self.paths.report / "report.md")

    def list_and_plan(self, tracking: TrackingStore) -> Snapshot:
        """List what is recorded of the study, and plan what is left."""
        self.snapshot = tracking.snapshot(self.study.name)
        self.plan = self.make_plan(self.snapshot)
        records = self.snapshot.records
        self.idle = not self.plan.left and search_over(self.study, self.paths, records, self.options.retry)
        return self.snapshot

    def start(self) -> Summary:
        """Start the executor, if something is left to run, and the server side by side; run the launch; end both."""
        self.enter(Stage.STARTING_MLFLOW if self.idle else Stage.STARTING)
        try:
            self.start_executor()
            self.server = self.backends.server(self.store)
            try:
                return self.run()
            finally:
                self.kill_executor()
                self.server.stop()
        finally:
            self.kill_executor()
            if self.successor is None:
                self.paths.stop.unlink(missing_ok=True)

    def start_executor(self) -> None:
        """Start the executor, if something is left to run."""
        self.ready = False
        if not self.idle:
            with deferred():
                self.executor = self.backends.executor(self.paths, self.options.cluster)

    def run(self) -> Summary:
        """Plan, claim the study, run what is left, upload and report."""
        self.enter(Stage.LISTING)
        self.tracking = self.backends.tracking(self.server.uri)
        unsent = self.tracking.upload(self.paths, PATIENCE)
        snapshot = self.snapshot or self.list_and_plan(self.tracking)
        resolved = to_yaml(self.study)
        self.paths.study.write_text(resolved, encoding="utf-8")
        if self.refuse_second_launch(self.tracking, self.tracking.read_claim(self.study.name)):
            snapshot = self.list_and_plan(self.tracking)
        self.tracking.open_study(self.study.name, self.study.question, resolved, snapshot)
        with claimed(self.tracking, self.study.name, self.paths) as self.heartbeat:
            try:
                return self.run_claimed(snapshot, unsent)
            except ServiceError as error:
                self.leave_closed()
                raise with_waiting_records(error, self.paths, self.study.name) from None
            except BaseException:
                self.leave_closed()
                raise

    def refuse_second_launch(self, tracking: TrackingStore, held: Claim | None) -> bool:
        """Raise ServiceError where a launch from another store is alive; True where one had to be watched."""
        return refuse_second_launch(tracking, self.study.name, self.paths, held, lambda: self.enter(Stage.WATCHING))

    def run_claimed(self, snapshot: Snapshot, unsent: set[str]) -> Summary:
        """Run what is left, upload and report."""
        self.tracking.attach_text(self.study.name, installed(), "environment.txt")
        save_plan(self.plan, self.paths)
        if not self.idle:
            self.execute(self.plan, snapshot)
        with self.interrupts.first_calls(lambda: None):  # what is left takes seconds
            return self.close(len(self.upload_rest(unsent)))

    def upload_rest(self, unsent: set[str]) -> set[str]:
        """Upload what the executor has left; the trials whose records could not be sent."""
        if self.idle:
            return unsent
        self.enter(Stage.UPLOADING)
        return self.tracking.upload(self.paths, PATIENCE)

    def leave_closed(self) -> None:
        """After an error or an interruption, set the runs that this launch left open to killed, if MLflow answers."""
        self.kill_executor()
        if self.successor is not None or self.heartbeat.other is not None:
            return  # they are another launch's by now
        self.interrupts.allow_another()
        with suppress(ServiceError):
            self.tracking.upload(self.paths, PATIENCE / 6)
            self.tracking.settle(self.study.name)
            self.tracking.close_study(self.study.name, State.KILLED)

    def make_plan(self, snapshot: Snapshot) -> Plan:
        """The plan of the trials that are known now."""
        trials = self.designed or trials_of(self.study, self.paths)
        return make_plan(self.study, trials, snapshot.records, self.options.nodes, retry=self.options.retry)

    def execute(self, plan: Plan, snapshot: Snapshot) -> None:
        """Run the plan's packs, with a new executor where one dies."""
        plan = reuse_encoders(plan, self.tracking, self.paths)
        self.progress.follow(plan)
        parents = self.tracking.open_variants([planned.trial for planned in plan.left], snapshot)
        self.enter(Stage.STARTING_RAY)
        for attempt in range(ROUNDS):
            try:
                self.follow(self.launch_config(plan, snapshot, parents))
                return
            except ExecutorDied:
                if self.successor is not None:
                    raise taken_over_by(self.successor, self.study.name) from None
                if self.paths.stop.exists():
                    return  # it is not started again only to stop
                if attempt + 1 == ROUNDS or self.options.cluster:
                    raise
            self.show(ExecutorLost())
            self.tracking.upload(self.paths, PATIENCE)
            snapshot = self.tracking.snapshot(self.study.name)
            plan = self.make_plan(snapshot)
            self.start_executor()

    def launch_config(self, plan: Plan, snapshot: Snapshot, parents: Mapping[str, str]) -> LaunchConfig:
        """What the executor is to run: the plan's packs, without the trials that have ended in this launch."""
        left = (tuple(trial for trial in pack if trial.key not in self.ended) for pack in plan.packs)
        return LaunchConfig(
            store=str(self.store.root),
            uri=self.server.uri,
            study=str(self.paths.study),
            packs=tuple(pack for pack in left if pack),
            run_refs={planned.key: run_ref(planned, parents) for planned in plan.left},
            values=objective_values(self.study, snapshot.records, self.options.retry),
            checkpoint_every=self.options.checkpoint_every,
        )

    def follow(self, config: LaunchConfig) -> None:
        """Show the executor's messages; the first signal asks it to stop, the second ends everything."""
        assert self.executor is not None, "something is left to run"
        with self.interrupts.first_calls(self.stop):
            for message in self.executor.run(config):
                self.ready = self.ready or isinstance(message, Ready)
                if isinstance(message, Ended) and message.state is not State.STOPPED:
                    self.ended.add(message.trial)
                self.show(message)
                self.restart_server()

    def restart_server(self) -> None:
        """Start the embedded server again, at its address, where it has died."""
        if not self.server.alive:
            self.server = self.backends.server(self.store)

    def stop(self) -> None:
        """Ask every process of the launch to write checkpoints and stop; end the launch where none has begun."""
        if not self.ready:
            self.interrupts.end()
        self.paths.stop.touch()
        self.show(Stopping())

    def give_way(self, other: Owner) -> None:
        """End the executor, since another machine has taken this launch for dead and goes on with the study."""
        self.successor = other
        self.kill_executor()

    def kill_executor(self) -> None:
        if self.executor is not None:
            self.executor.kill()

    def enter(self, stage: Stage) -> None:
        self.show(StageBegan(stage))

    def show(self, message: Message) -> None:
        self.progress.update(message)
        try:
            self.listen(self.progress, message)
        except OSError:  # the terminal is gone, or the disk of its output is full: the launch goes on unseen
            self.listen = ignore

    def close(self, unsent: int) -> Summary:
        """Bring the runs in the tracking store up to date, write the report, and return the summary."""
        from ablate.reporting.write import write_report  # imports matplotlib and pandas: not for a settled study

        self.enter(Stage.CLOSING)
        self.restart_server()
        self.heartbeat.confirm()
        asked = self.paths.stop.exists()
        snapshot = self.tracking.settle(self.study.name, abandoned=State.STOPPED if asked else State.KILLED)
        trials = self.designed or trials_of(self.study, self.paths)
        plan = make_plan(self.study, trials, snapshot.records, self.options.nodes)
        self.enter(Stage.REPORTING)
        report = report_of(self.study, results_of(trials, without_failed_scores(trials, snapshot.records)))
        file = write_report(report, self.paths.report)
        self.tracking.attach(self.study.name, self.paths.report, "report")
        save_plan(plan, self.paths)
        stopped = self.paths.stop.exists() and (
            bool(plan.left) or not search_over(self.study, self.paths, snapshot.records)
        )
        if not stopped and not plan.left:
            shutil.rmtree(self.paths.pretrained_folder, ignore_errors=True)  # no trial is left that starts from them
        state = State.STOPPED if stopped else State.FAILED if plan.failed or plan.failed_probes else State.FINISHED
        self.tracking.close_study(self.study.name, state, snapshot)
        self.enter(Stage.ENDING)
        done = {"ran": len(self.ended), **self.count_done()}
        return summarize(plan, self.paths, report=file, **done, stopped=stopped, unsent=unsent)

    def count_done(self) -> dict[str, int]:
        """How many trials finished in this launch: trained, and scored only."""
        score = {planned.key for planned in self.plan.left if planned.work is Work.SCORE}
        finished = {key for key, state in self.progress.ends.items() if state is State.FINISHED}
        return {"trained": len(finished - score), "scored": len(finished & score)}


def taken_over_by(successor: Owner, study: str) -> ServiceError:
    problem = f"'{study}' is now launched by {successor}, which has seen no sign of life of this launch for a minute"
    return ServiceError(problem, f"watch it with ablate status {study}")


def run_ref(planned: PlannedTrial, parents: Mapping[str, str]) -> RunRef:
    """The trial's place in the tracking store."""
    run_id = planned.record.run_id if planned.record else ""
    return RunRef(parents.get(planned.trial.variant, ""), run_id, planned.record is not None, planned.probes)

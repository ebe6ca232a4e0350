"""One launch: plan what is missing of a study, run it, upload its records, write the report."""

import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from ablate.cluster.executor import Executor, ExecutorDied
from ablate.driver.backends import RAY_AND_MLFLOW, Backends
from ablate.driver.launch_lock import launching
from ablate.driver.progress import LaunchProgress, Listener
from ablate.driver.reuse import reuse_encoders
from ablate.driver.saved_plan import save_plan
from ablate.driver.summary import Summary, is_closed, is_reported, search_over, summarize, trials_of
from ablate.errors import Interrupted
from ablate.events import Ended, ExecutorLost, LaunchConfig, Message, RunRef, Stage, StageBegan, State, Stopping
from ablate.paths import Store, StudyPaths
from ablate.planning.plan import Plan, PlannedTrial, make_plan, objective_values
from ablate.planning.required_data import require_data, required_data
from ablate.planning.resolve import resolve
from ablate.planning.resources import Node, slots, this_node
from ablate.reporting.content import report_of
from ablate.run import prepare
from ablate.stats.results import results_of
from ablate.stopping import clear_stop_requests
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.track.environment import installed
from ablate.track.server import Server
from ablate.track.store import Snapshot, TrackingStore
from ablate.trial import Trial

ROUNDS = 3  # executors that a launch starts at most
PATIENCE = 60.0  # seconds that a launch waits for a server that is away, at its start and at its end


@dataclass(frozen=True)
class Options:
    """The options of a launch, apart from its study."""

    address: str = ""  # of a Ray cluster; empty: this machine
    retry: bool = False  # run failed trials again
    checkpoint_every: float = 60.0  # seconds

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that are known before Ray starts: this machine, or none for a cluster."""
        return () if self.address else (this_node(),)


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

    Raises StudyError, DataError, ServiceError, and Interrupted where the launch was stopped.
    """
    options = options or Options()
    designed = resolve(study, yes=yes)
    if options.nodes:
        slots(options.nodes, study)
    require_data(study, designed)
    prepare(required_data(study, designed), store.tensors)
    paths = store.study(study.name)
    paths.folder.mkdir(parents=True, exist_ok=True)
    with launching(paths.lock, study.name):
        clear_stop_requests(paths)
        current = Launch(study, designed, store, options, listen, backends)
        summary = current.settled() or current.start()
    if summary.stopped:
        raise Interrupted(
            f"stopped with {summary.finished} of {summary.total} trials finished", "launch again to go on"
        )
    return summary


@dataclass
class Launch:
    """A launch in progress."""

    study: Study
    designed: tuple[Trial, ...]  # none where the study searches
    store: Store
    options: Options
    listen: Listener
    backends: Backends
    snapshot: Snapshot | None = None  # the listing at the start
    idle: bool = False  # nothing is left to run: at most the report is out of date
    ended: set[str] = field(default_factory=set)  # keys of trials that ended in this launch
    executor: Executor | None = None

    plan: Plan = field(init=False)  # of that listing
    server: Server = field(init=False)
    tracking: TrackingStore = field(init=False)
    progress: LaunchProgress = field(default_factory=LaunchProgress)

    @property
    def paths(self) -> StudyPaths:
        return self.store.study(self.study.name)

    def settled(self) -> Summary | None:
        """The summary of a study that is complete and reported, found without starting anything; None otherwise."""
        address = self.backends.address(self.store)
        if not address or any(self.paths.trials.glob("*/spool.jsonl")):
            return None
        snapshot = self.list_and_plan(self.backends.tracking(address))
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
        if not self.idle:
            self.executor = self.backends.executor(self.paths, self.options.address)
        try:
            self.server = self.backends.server(self.store)
            try:
                return self.run()
            finally:
                self.kill_executor()
                self.server.stop()
        finally:
            self.kill_executor()
            self.paths.stop.unlink(missing_ok=True)

    def run(self) -> Summary:
        """Plan, run what is left, upload and report."""
        self.enter(Stage.LISTING)
        self.tracking = self.backends.tracking(self.server.uri)
        unsent = self.tracking.upload(self.paths, PATIENCE)
        snapshot = self.snapshot or self.list_and_plan(self.tracking)
        resolved = to_yaml(self.study)
        self.paths.study.write_text(resolved, encoding="utf-8")
        self.tracking.open_study(self.study.name, self.study.question, resolved, snapshot)
        self.tracking.attach_text(self.study.name, installed(), "environment.txt")
        save_plan(self.plan, self.paths)
        if not self.idle:
            self.execute(self.plan, snapshot)
            self.enter(Stage.UPLOADING)
            unsent = self.tracking.upload(self.paths, PATIENCE)
        return self.close(len(unsent))

    def make_plan(self, snapshot: Snapshot) -> Plan:
        """The plan of the trials that are known now."""
        trials = self.designed or trials_of(self.study, self.paths)
        return make_plan(self.study, trials, snapshot.records, self.options.nodes, retry=self.options.retry)

    def execute(self, plan: Plan, snapshot: Snapshot) -> None:
        """Run the plan's packs, with a new executor where one dies."""
        self.progress.follow(plan)
        reuse_encoders(plan, self.tracking, self.paths)
        parents = self.tracking.open_variants([planned.trial for planned in plan.left], snapshot)
        self.enter(Stage.STARTING_RAY)
        for attempt in range(ROUNDS):
            try:
                self.follow(self.launch_config(plan, snapshot, parents))
                return
            except ExecutorDied:
                if attempt + 1 == ROUNDS or self.options.address:
                    raise
            self.show(ExecutorLost())
            self.tracking.upload(self.paths, PATIENCE)
            snapshot = self.tracking.snapshot(self.study.name)
            plan = self.make_plan(snapshot)
            self.executor = self.backends.executor(self.paths, self.options.address)

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
        """Show the executor's messages; the first Ctrl-C asks it to stop, the second ends everything."""
        assert self.executor is not None, "something is left to run"
        with on_interrupt(self.stop, self.kill_executor):
            for message in self.executor.run(config):
                if isinstance(message, Ended) and message.state is not State.STOPPED:
                    self.ended.add(message.trial)
                self.show(message)
                self.restart_server()

    def restart_server(self) -> None:
        """Start the embedded server again, at its address, where it has died."""
        if not self.server.alive:
            self.server = self.backends.server(self.store)

    def stop(self) -> None:
        """Ask every process of the launch to write checkpoints and stop."""
        self.paths.stop.touch()
        self.show(Stopping())

    def kill_executor(self) -> None:
        if self.executor is not None:
            self.executor.kill()

    def enter(self, stage: Stage) -> None:
        self.show(StageBegan(stage))

    def show(self, message: Message) -> None:
        self.progress.update(message)
        self.listen(self.progress, message)

    def close(self, unsent: int) -> Summary:
        """Bring the runs in the tracking store up to date, write the report, and return the summary."""
        from ablate.reporting.write import write_report  # imports matplotlib and pandas: not for a settled study

        self.enter(Stage.CLOSING)
        self.restart_server()
        snapshot = self.tracking.settle(self.study.name)
        trials = self.designed or trials_of(self.study, self.paths)
        plan = make_plan(self.study, trials, snapshot.records, self.options.nodes)
        self.enter(Stage.REPORTING)
        report = report_of(self.study, results_of(trials, snapshot.records))
        file = write_report(report, self.paths.report)
        self.tracking.attach(self.study.name, self.paths.report, "report")
        save_plan(plan, self.paths)
        stopped = self.paths.stop.exists() and (
            bool(plan.left) or not search_over(self.study, self.paths, snapshot.records)
        )
        if not stopped and not plan.left:
            shutil.rmtree(self.paths.pretrained_folder, ignore_errors=True)  # no trial is left that starts from them
        state = State.KILLED if stopped else State.FAILED if plan.failed else State.FINISHED
        self.tracking.close_study(self.study.name, state, snapshot)
        self.enter(Stage.ENDING)
        return summarize(plan, self.paths, report=file, ran=len(self.ended), stopped=stopped, unsent=unsent)


def run_ref(planned: PlannedTrial, parents: Mapping[str, str]) -> RunRef:
    """The trial's place in the tracking store."""
    run_id = planned.record.run_id if planned.record else ""
    return RunRef(parents.get(planned.trial.variant, ""), run_id, planned.record is not None, planned.probes)


@contextmanager
def on_interrupt(first: Callable[[], None], second: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C, or SIGTERM, calls `first`; the next one calls `second` and ends the process with exit code 130."""
    if threading.current_thread() is not threading.main_thread():  # where no signal can be handled
        yield
        return
    interrupted = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            first()
            return
        second()
        raise Interrupted("stopped at once", "launch again to go on from the last checkpoints")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

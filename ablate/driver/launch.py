"""One launch: plan what is missing of a study, run it, upload its records, write the report."""

from dataclasses import replace
from typing import NoReturn

from ablate.atomic_write import write_text
from ablate.driver.announcer import Announcer, ignore
from ablate.driver.backends import RAY_AND_MLFLOW, Backends
from ablate.driver.claiming import claimed, refuse_second_launch
from ablate.driver.closing import close, close_as_killed
from ablate.driver.execution import Execution
from ablate.driver.launch_context import LaunchContext, hurry
from ablate.driver.launch_lock import launching
from ablate.driver.launch_options import Options
from ablate.driver.progress import Listener
from ablate.driver.saved_plan import save_plan
from ablate.driver.summary import Summary, is_closed, is_reported, lasting_link, summarize
from ablate.driver.sync import with_waiting_records
from ablate.errors import Interrupted, ServiceError, is_full_disk
from ablate.events import JournalRepaired, RunsLink, Stage
from ablate.interrupts import handled
from ablate.paths import Store
from ablate.permissions import store_permissions
from ablate.planning.plan import Plan
from ablate.planning.required_data import on_fetched_data, require_data, required_data
from ablate.planning.requirements import fetch_requirements
from ablate.planning.resolve import resolve
from ablate.planning.resources import slots
from ablate.run import decode_files, fetch_files
from ablate.stopping import clear_stop_requests
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.track.client import redact
from ablate.track.environment import installed
from ablate.track.sent import open_trials
from ablate.track.server import Server
from ablate.track.shared_views import Columns
from ablate.track.store import Claim, Snapshot, TrackingStore


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
    with handled() as interrupts:
        designed = resolve(study, yes=yes)
        if options.nodes:
            slots(options.nodes, study)
        with store_permissions(store, options.shared):
            return launch_in(LaunchContext(study, designed, store, options, backends, interrupts, Announcer(listen)))


def launch_in(context: LaunchContext) -> Summary:
    """`launch`, once the study is resolved, its resources are checked and signals are handled."""
    study, designed, store = context.study, context.designed, context.store
    if not store.writable:  # a finished study can be read
        return Launch(context).settled() or refused_store(store)
    require_data(study, designed)
    fetch_files(required_data(study, designed), (store.tensors, store.shared_tensors))
    context = replace(context, designed=on_fetched_data(study, designed))
    context.paths.folder.mkdir(parents=True, exist_ok=True)
    try:
        summary = launch_with_lock(context)
    except OSError as error:  # a finished study can be read
        if not is_full_disk(error) or (finished := Launch(context).settled()) is None:
            raise
        summary = finished
    if summary.stopped:
        raise Interrupted(
            f"stopped with {summary.finished} of {summary.total} trials finished", "launch again to go on"
        )
    return summary


def launch_with_lock(context: LaunchContext) -> Summary:
    """Launch while holding the study's lock, so that no other launch of it runs on this store."""
    current = Launch(context)
    with launching(context.paths.lock, context.name, lambda owner: current.execution.give_way(str(owner))):
        clear_stop_requests(context.paths)
        repair_search(context)
        summary = current.settled()
        if summary is None:
            fetch_requirements(context.study, context.designed)
            summary = current.start()
    return summary


def columns_of(study: Study) -> Columns:
    """What MLflow's table of runs shows of a study."""
    metric = study.compared_metric
    axes = dict.fromkeys(axis for case in study.cases for axis in case.axes)
    searched = study.search.space if study.search is not None else ()
    varied = [name for name in ("method", "dataset") if len({getattr(case, name) for case in study.cases}) > 1]
    return Columns(metric, tuple(dict.fromkeys([*varied, *axes, *searched, "seed"])), direction(study, metric) == -1)


def direction(study: Study, metric: str) -> int:
    """+1 where higher values of a study's metric are better, −1 where lower ones are, 0 where neither is known."""
    if study.search is not None:
        return 1 if study.search.objectives[metric] == "maximize" else -1
    from ablate.reporting.design_findings import better

    return better(metric)


def refused_store(store: Store) -> NoReturn:
    """Raise StudyError: the store cannot be written, and something is left to do."""
    store.require_writable()
    raise AssertionError


def repair_search(context: LaunchContext) -> None:
    """Make the journal of a search readable, and announce it where it was not."""
    if context.study.search is None:
        return
    from ablate.search.journal import repair_journal

    if lines := repair_journal(context.study, context.paths.search):
        context.announcer.announce(JournalRepaired(lines, f"{context.paths.search}.damaged"))


class Launch:
    """A launch in progress."""

    plan: Plan  # of the listing at the start
    server: Server
    tracking: TrackingStore

    def __init__(self, context: LaunchContext) -> None:
        self.context = context
        self.execution = Execution(context)
        self.snapshot: Snapshot | None = None  # the listing at the start
        self.idle = False  # nothing is left to run: at most the report is out of date

    def settled(self) -> Summary | None:
        """The summary of a study that is complete and reported, found without starting anything; None otherwise.

        Raises ServiceError where another launch of it is alive, or the user may not add to it.
        """
        paths = self.context.paths
        address = self.context.backends.address(self.context.store)
        if not address or open_trials(paths):
            return None
        tracking = self.context.backends.tracking(address, address)
        snapshot = self.list_and_plan(tracking)
        if self.refuse_second_launch(tracking, snapshot.claim):
            snapshot = self.list_and_plan(tracking)
        settled = self.idle and is_closed(snapshot) and is_reported(self.context.study, paths)
        if settled and not (self.context.store.writable and self.lacks_tags(snapshot)):
            runs = lasting_link(tracking, self.context.name)
            return summarize(self.plan, paths, report=paths.report / "report.md", runs=runs)
        tracking.require_right(snapshot)
        return None

    def lacks_tags(self, snapshot: Snapshot) -> bool:
        """Whether a person has removed from the study's runs what can be set again."""
        return snapshot.lacks_tags or any(
            one.record is not None and one.record.trial is None for one in self.plan.trials
        )

    def list_and_plan(self, tracking: TrackingStore) -> Snapshot:
        """List what is recorded of the study, and plan what is left."""
        retry = self.context.options.retry
        self.snapshot = tracking.snapshot(self.context.name)
        self.plan = self.context.plan(self.snapshot.records, retry=retry)
        self.idle = self.context.is_over(self.plan, self.snapshot.records, retry=retry)
        return self.snapshot

    def start(self) -> Summary:
        """Start the executor, if something is left to run, decode the data beside that, and start the server.

        Then run the launch, and end both.
        """
        context = self.context
        context.announcer.enter(Stage.STARTING_MLFLOW if self.idle else Stage.STARTING)
        try:
            if not self.idle:
                self.execution.start()
                data = required_data(context.study, context.designed)
                folders = (context.store.tensors, context.store.shared_tensors)
                decode_files(data, *(reversed(folders) if context.options.cluster else folders))
                self.execution.require_cluster(data)  # its nodes share the tensors, or copy them
            self.server = context.backends.server(context.store)
            try:
                return self.run()
            finally:
                self.execution.kill()
                self.stop_server()
        finally:
            self.execution.kill()
            self.context.paths.environment.unlink(missing_ok=True)
            if not self.execution.successor:
                self.context.paths.stop.unlink(missing_ok=True)

    def stop_server(self) -> None:
        """End the server; a first signal meanwhile changes nothing, since nothing else is left to do."""
        with self.context.interrupts.first_calls(lambda: None):
            self.server.stop()

    def run(self) -> Summary:
        """Plan, claim the study, run what is left, upload and report."""
        study, paths, backends = self.context.study, self.context.paths, self.context.backends
        self.context.announcer.enter(Stage.LISTING)
        self.tracking = backends.tracking(self.server.uri, backends.address(self.context.store))
        unsent = self.context.upload(self.tracking)
        snapshot = self.snapshot or self.list_and_plan(self.tracking)
        resolved = to_yaml(study)
        write_text(paths.study, resolved)
        if self.refuse_second_launch(self.tracking, self.tracking.read_claim(study.name)):
            snapshot = self.list_and_plan(self.tracking)
        self.tracking.open_study(study.name, study.question, resolved, snapshot, columns_of(study))
        if link := self.tracking.link(study.name):
            nested = self.tracking.link(study.name, nested=True)
            self.context.announcer.announce(RunsLink(redact(link), redact(nested)))
        with claimed(self.tracking, study.name, paths, lambda claim: self.execution.give_way(claim.owner)):
            try:
                return self.run_claimed(snapshot, unsent)
            except ServiceError as error:
                self.leave_closed()
                self.execution.confirm()
                raise with_waiting_records(error, paths, study.name) from None
            except BaseException:
                self.leave_closed()
                raise

    def refuse_second_launch(self, tracking: TrackingStore, held: Claim | None) -> bool:
        """Raise ServiceError where a launch from another store is alive; True where one had to be watched."""
        context = self.context
        return refuse_second_launch(
            tracking, context.name, context.paths, held, lambda: context.announcer.enter(Stage.WATCHING)
        )

    def run_claimed(self, snapshot: Snapshot, unsent: set[str]) -> Summary:
        """Run what is left, upload and report."""
        self.tracking.attach_text(self.context.name, installed(), "environment.txt")
        save_plan(self.plan, self.context.paths, snapshot.records)
        if not self.idle:
            self.execution.run(self.plan, snapshot, self.tracking, self.keep_server)
        with self.context.interrupts.first_calls(lambda: hurry(self.tracking)):  # what is left takes seconds
            unsent = self.upload_left(unsent)
            self.context.announcer.enter(Stage.CLOSING)
            self.keep_server()
            self.execution.confirm()
            return close(self.context, self.tracking, self.plan, self.execution.ended, len(unsent))

    def upload_left(self, unsent: set[str]) -> set[str]:
        """Upload what the executor has left; the trials whose records could not be sent."""
        if self.idle:
            return unsent
        self.context.announcer.enter(Stage.UPLOADING)
        self.execution.confirm()
        self.keep_server()
        return self.context.upload(self.tracking)

    def keep_server(self) -> None:
        """Start the embedded server again, at its address, where it has died."""
        if not self.server.alive:
            self.server = self.context.backends.server(self.context.store)

    def leave_closed(self) -> None:
        """After an error or an interruption, end the executor and close the runs that this launch left open."""
        self.execution.kill()
        if not self.execution.successor:  # else they are another launch's by now
            close_as_killed(self.context, self.tracking)

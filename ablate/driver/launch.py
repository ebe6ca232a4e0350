"""The driver: run what is missing of a study, whatever has happened before."""

import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType

from ablate.cluster.messages import LaunchConfig, Message
from ablate.cluster.resources import slots, this_node
from ablate.cluster.supervisor import Conductor, RayDied
from ablate.driver.adopt import adopt
from ablate.driver.agenda import Item, agenda
from ablate.driver.board import Board
from ablate.driver.lock import launching
from ablate.driver.plan import trials_of
from ablate.driver.summary import Summary, search_over, settled, summarize, values
from ablate.errors import Interrupted
from ablate.paths import Store, StudyPaths
from ablate.planning.design import count_trials
from ablate.planning.packs import with_pretraining
from ablate.planning.resolve import resolve
from ablate.reporting.render import write_report
from ablate.run import packed, prepare, probe_digests
from ablate.stats.results import results_of
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.track.aggregate import aggregate
from ablate.track.environment import installed
from ablate.track.mlflow_store import MlflowStore, TrialRecord
from ablate.track.sender import deliver
from ablate.track.server import Server, ensure_server
from ablate.track.spool import RunRef
from ablate.trial import Trial

ROUNDS = 3  # times that Ray may die in one launch
PATIENCE = 60.0  # seconds that a launch waits at its end for a server that is away


@dataclass(frozen=True)
class Options:
    """How to launch, apart from what."""

    address: str = ""  # of a Ray cluster; empty: this machine
    retry: bool = False  # run failed trials again
    checkpoint_every: float = 60.0  # seconds


@dataclass
class Launch:
    """A launch in progress."""

    study: Study
    trials: tuple[Trial, ...]  # first phases before what starts from them; none where the study searches
    store: Store
    options: Options
    listen: Callable[[Board, Message], None]
    server: Server
    conductor: Conductor  # already starting Ray
    ran: set[str] = field(default_factory=set)

    @property
    def paths(self) -> StudyPaths:
        return self.store.study(self.study.name)

    def run(self) -> Summary:
        """Plan, run, hand over, report."""
        undelivered = deliver(self.server.uri, self.paths, PATIENCE)
        mlflow_store = MlflowStore(self.server.uri)
        resolved = to_yaml(self.study)
        self.paths.study.write_text(resolved)
        mlflow_store.open_study(self.study.name, self.study.question, resolved)
        mlflow_store.attach_text(self.study.name, installed(), "environment.txt")
        known = mlflow_store.trials(self.study.name)
        items = agenda(self.trials, known, self.options.retry)
        if any(item.run for item in items) or not search_over(self.study, self.paths, known, self.options.retry):
            self.conduct(mlflow_store, items, known)
            undelivered = deliver(self.server.uri, self.paths, PATIENCE)
        return self.close(mlflow_store, undelivered)

    def conduct(self, mlflow_store: MlflowStore, items: Sequence[Item], known: Mapping[str, TrialRecord]) -> None:
        """Have Ray run the items, again where Ray dies."""
        board = self.board(known)
        adopt(items, mlflow_store, self.paths)
        first = {item.trial.variant: item.trial for item in items if item.run}
        parents = {variant: mlflow_store.open_variant(trial) for variant, trial in first.items()}
        for attempt in range(ROUNDS):
            left = [item for item in items if item.run and item.trial.key not in self.ran]
            self.conductor.order(self.orders(left, parents, known))
            try:
                self.follow(board)
                return
            except RayDied:
                if attempt + 1 == ROUNDS or self.options.address:
                    raise
                self.tell(board, Message("died"))
                deliver(self.server.uri, self.paths, PATIENCE)
                known = mlflow_store.trials(self.study.name)
                items = agenda(self.trials, known, self.options.retry)
                self.conductor = Conductor(self.paths.folder, self.paths.log, self.options.address)

    def board(self, known: Mapping[str, TrialRecord]) -> Board:
        """The board at the start: of a search also what it proposed before, and how much is still to come."""
        items = agenda(with_pretraining(trials_of(self.study, self.store)), known, self.options.retry)
        to_run = [item.trial for item in items if item.run]
        finished, failed = (sum(item.standing == one for item in items) for one in ("finished", "failed"))
        to_come = max(0, count_trials(self.study) - len(items)) if self.study.search else 0
        return Board(to_run, finished, failed, to_come, self.study.metric)

    def orders(
        self, left: Sequence[Item], parents: Mapping[str, str], known: Mapping[str, TrialRecord]
    ) -> LaunchConfig:
        resources = self.study.resources
        return LaunchConfig(
            store=str(self.store.root),
            uri=self.server.uri,
            study=str(self.paths.study),
            packs=packed([item.order for item in left], resources.pack, resources.gpu > 0),
            run_refs={item.trial.key: run_ref(item, parents) for item in left},
            values=values(self.study, known, self.options.retry),
            checkpoint_every=self.options.checkpoint_every,
        )

    def follow(self, board: Board) -> None:
        """Hear the conductor out; the first Ctrl-C asks it to stop, the second ends everything."""
        with on_interrupt(lambda: self.stop(board), self.conductor.kill):
            for message in self.conductor.messages():
                if message.kind == "outcome" and message.description["status"] != "STOPPED":
                    self.ran.add(message.description["key"])
                self.tell(board, message)
                self.keep_server()
            self.conductor.wait()

    def keep_server(self) -> None:
        """Have an embedded server that died back at its address."""
        if not self.server.alive:
            self.server = ensure_server(self.store)

    def stop(self, board: Board) -> None:
        self.paths.stop.touch()
        self.tell(board, Message("stopping"))

    def tell(self, board: Board, message: Message) -> None:
        board.hear(message)
        self.listen(board, message)

    def close(self, mlflow_store: MlflowStore, undelivered: set[str]) -> Summary:
        """Group the seeds, write the report, say what came of it."""
        self.keep_server()
        mlflow_store.reconcile(self.study.name)
        aggregate(mlflow_store, self.study.name)
        trials = trials_of(self.study, self.store)
        known = mlflow_store.trials(self.study.name)
        report = write_report(self.study, results_of(trials, known), self.paths.report)
        mlflow_store.attach(self.study.name, self.paths.report, "report")
        stopped = self.paths.stop.exists()
        if not stopped and not any(item.run for item in agenda(trials, known)):
            shutil.rmtree(self.paths.firsts, ignore_errors=True)  # nothing starts from them any more
        summary = summarize(with_pretraining(trials), known, self.paths)
        mlflow_store.close_study(self.study.name, "KILLED" if stopped else "FAILED" if summary.failed else "FINISHED")
        return replace(summary, ran=len(self.ran), stopped=stopped, undelivered=len(undelivered), report=report)


def launch(
    study: Study, store: Store, options: Options, listen: Callable[[Board, Message], None], yes: bool = False
) -> Summary:
    """Run what is missing of a study; nothing has begun when the study, its data or its resources are refused.

    Raises StudyError, DataError, ServiceError, and Interrupted where the launch was stopped.
    """
    trials = with_pretraining(resolve(study, yes=yes))
    if not options.address:
        slots([this_node()], study)
    prepare({trial.config.dataset for trial in trials} or {case.dataset for case in study.cases}, store.tensors)
    paths = store.study(study.name)
    paths.folder.mkdir(parents=True, exist_ok=True)
    with launching(paths.lock, study.name):
        paths.stop.unlink(missing_ok=True)
        if not options.retry and (summary := settled(study, trials, store)) is not None:
            return summary
        summary = start(study, trials, store, options, listen)
    if summary.stopped and summary.finished < summary.total:
        raise Interrupted(
            f"stopped with {summary.finished} of {summary.total} trials finished", "launch again to go on"
        )
    return summary


def start(
    study: Study, trials: tuple[Trial, ...], store: Store, options: Options, listen: Callable[[Board, Message], None]
) -> Summary:
    """Start Ray and MLflow side by side, launch, and take both down."""
    paths = store.study(study.name)
    conductor = Conductor(paths.folder, paths.log, options.address)
    try:
        launch = Launch(study, trials, store, options, listen, ensure_server(store), conductor)
        try:
            return launch.run()
        finally:
            launch.conductor.kill()
            launch.server.stop()
    finally:
        conductor.kill()
        paths.stop.unlink(missing_ok=True)


def run_ref(item: Item, parents: Mapping[str, str]) -> RunRef:
    """The trial's place in MLflow."""
    run_id = item.known.run_id if item.known else ""
    probes = {name: digest for name, digest in probe_digests(item.trial).items() if name in item.order.probes}
    return RunRef(parents.get(item.trial.variant, ""), run_id, item.known is not None, probes)


@contextmanager
def on_interrupt(first: Callable[[], None], second: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C, or SIGTERM, calls `first`; the next one calls `second` and ends the process with exit code 130."""
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
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

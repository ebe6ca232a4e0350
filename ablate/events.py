"""Messages as types: what training yields, what a pack reports, what driver, conductor and workers send each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ablate.codec import Codec
from ablate.trial import Trial


class State(StrEnum):
    """The state of a trial."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"  # ended early because its curve was worse than those of others
    STOPPED = "stopped"  # checkpointed on request; the next launch continues it
    OUT_OF_MEMORY = "out of memory"
    KILLED = "killed"  # its process died; the next launch continues it

    @property
    def ended(self) -> bool:
        """Whether the trial is over, so that no launch continues it."""
        return self in (State.FINISHED, State.FAILED, State.PRUNED, State.OUT_OF_MEMORY)

    @property
    def failed(self) -> bool:
        return self in (State.FAILED, State.OUT_OF_MEMORY)


class Activity(StrEnum):
    """What a running trial does."""

    TRAINING = "training"
    SCORING = "scoring"


class Stage(StrEnum):
    """What a launch does while no trial runs."""

    PREPARING = "reading the study and its data"
    WATCHING = "waiting to see whether another launch of this study is alive"
    STARTING = "starting Ray and MLflow"
    STARTING_MLFLOW = "starting MLflow"
    LISTING = "reading what MLflow has"
    STARTING_RAY = "starting Ray"
    UPLOADING = "sending the last records to MLflow"
    CLOSING = "summarizing the runs in MLflow"
    REPORTING = "writing the report"
    ENDING = "ending MLflow"


@dataclass(frozen=True)
class ProbeFailure:
    """Why a trained trial has no scores of a probe."""

    digest: str  # of the probe's revision and settings: the failure is that of a probe with other settings no longer
    reason: str


def probe_reasons(failed: Mapping[str, str]) -> str:
    """Why probes (name → reason) have not scored a trial, in one line."""
    return "; ".join(f"the probe {name} failed: {reason}" for name, reason in failed.items())


# Yielded by training, where the members of a pack are numbered.


@dataclass(frozen=True)
class EpochEnd:
    """A member finished an epoch (from 1); `values` are means over its steps."""

    member: int
    epoch: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class MemberFailed:
    """A member cannot go on after an optimizer step (from 1); the others can."""

    member: int
    epoch: int
    step: int
    reason: str


# Reported by a pack, where trials are named by their keys, and passed on to the driver.


@dataclass(frozen=True)
class Progress:
    """How far the trials are that train or are scored at this moment."""

    trials: tuple[str, ...]  # keys
    epoch: int
    share: float  # of their training that is done
    activity: Activity = Activity.TRAINING


@dataclass(frozen=True)
class EpochValues:
    """The metrics of one epoch of one trial, by their full names (`train/loss`)."""

    trial: str  # key
    epoch: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Ended:
    """How a trial ended, or that it was stopped; WAITING of one that a pruner pauses."""

    trial: str  # key
    state: State
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    failed_probes: Mapping[str, str] = field(default_factory=dict)  # name → reason, of a finished trial


TrialUpdate = Progress | EpochValues | Ended


@dataclass(frozen=True)
class Paused:
    """A trial has written its checkpoint, and waits until the pruner has decided on its variant."""

    trial: str  # key


# Sent to the driver by the process that uses Ray, or by the driver to its listener.


@dataclass(frozen=True)
class Ready:
    """Ray has started, with `slots` packs side by side."""

    slots: int
    nodes: int


@dataclass(frozen=True)
class Joined:
    """The cluster, of so many nodes, fits the launch."""

    nodes: int


@dataclass(frozen=True)
class WaitingForNodes:
    """The cluster has so many nodes, and the launch waits for more."""

    nodes: int


@dataclass(frozen=True)
class NodesChanged:
    """Nodes have joined or left; from now on there are `slots` packs side by side."""

    slots: int
    nodes: int


@dataclass(frozen=True)
class NodeRefused:
    """A node that has joined is not used."""

    node: str  # its address
    problem: str
    remedy: str


@dataclass(frozen=True)
class NoWorkers:
    """Packs wait, and Ray has started no worker for `seconds`."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class Heartbeat:
    """Ray is running."""


@dataclass(frozen=True)
class Proposed:
    """Trials that were added: all seeds of a search's proposal, or seeds of undecided comparisons."""

    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Refused:
    """The launch cannot go on; the fields are those of the error that is raised in the driver."""

    problem: str
    remedy: str
    place: str
    exit_code: int


@dataclass(frozen=True)
class StageBegan:
    """The launch does something else than running trials."""

    stage: Stage


@dataclass(frozen=True)
class BudgetLeft:
    """What is left of the study's budget; no further trial is started where that is nothing."""

    device_seconds: float
    waiting: int = 0  # trials that are left to run


@dataclass(frozen=True)
class Stopping:
    """A stop was requested: running trials write their checkpoints."""


@dataclass(frozen=True)
class JournalRepaired:
    """Lines of the search's journal could not be read, and are set aside in a file."""

    lines: int
    file: str


@dataclass(frozen=True)
class RunsLink:
    """The addresses of the study's runs in MLflow, while the launch runs."""

    link: str  # of its variants, the best first
    nested: str = ""  # of the study, its variants and their seeds, nested


@dataclass(frozen=True)
class ExecutorLost:
    """Ray has died; it is started again, and running trials wait for it."""


@dataclass(frozen=True)
class Over:
    """No pack is left to run."""


Message = (
    TrialUpdate
    | Ready
    | Joined
    | WaitingForNodes
    | NodesChanged
    | NodeRefused
    | NoWorkers
    | Heartbeat
    | Paused
    | Proposed
    | Refused
    | StageBegan
    | BudgetLeft
    | Stopping
    | ExecutorLost
    | JournalRepaired
    | RunsLink
    | Over
)


MESSAGES: Codec[Message] = Codec(
    {
        "progress": Progress,
        "epoch": EpochValues,
        "ended": Ended,
        "ready": Ready,
        "joined": Joined,
        "waiting-for-nodes": WaitingForNodes,
        "nodes-changed": NodesChanged,
        "node-refused": NodeRefused,
        "no-workers": NoWorkers,
        "heartbeat": Heartbeat,
        "paused": Paused,
        "proposed": Proposed,
        "refused": Refused,
        "stage": StageBegan,
        "budget-left": BudgetLeft,
        "stopping": Stopping,
        "executor-lost": ExecutorLost,
        "journal-repaired": JournalRepaired,
        "runs-link": RunsLink,
        "over": Over,
    },
    version=1,
)

"""What the driver sends to the conductor, and that to workers: which trials to run, and where to record them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ablate.codec import Codec
from ablate.events import State
from ablate.options import Value
from ablate.trial import Trial


@dataclass(frozen=True)
class RunRef:
    """Where a trial is recorded in MLflow, as the driver found it before the trial starts."""

    parent: str = ""  # run id of the variant
    run_id: str = ""  # of the trial, where MLflow has a run
    may_exist: bool = True  # False: MLflow has no run of this key, so none need be searched
    probes: Mapping[str, str] = field(default_factory=dict)  # name → digest of the probe's revision and settings
    device_seconds: float = 0.0  # that the trial took before


@dataclass(frozen=True)
class ClusterRequest:
    """What a launch asks of a cluster before anything is started on it."""

    folder: str  # the study's, which every node must see
    environment: str  # the file of variables for its workers
    embedded: bool = False  # whether the MLflow server is one that only this machine reaches
    least_nodes: int = 1
    wait: float = 0.0  # seconds to wait for as many
    data: Mapping[str, str] = field(default_factory=dict)  # data set → content, which every node must have or fetch


@dataclass(frozen=True)
class Outcome:
    """What earlier launches have of a trial, as far as a search or a pruner needs it."""

    state: State = State.FINISHED
    metrics: Mapping[str, float] = field(default_factory=dict)  # of objectives and constraints, of a finished trial
    curve: Mapping[str, float] = field(default_factory=dict)  # epoch → the pruner's metric


INTERIM = "interim/"  # before the names of scores between epochs


@dataclass(frozen=True)
class InterimProbe:
    """A probe that scores trials between epochs, for a pruner."""

    name: str
    settings: Mapping[str, Value]
    every: int  # epochs


@dataclass(frozen=True)
class LaunchConfig:
    """Everything that a conductor needs to run a launch."""

    store: str  # folder
    uri: str  # of the MLflow server
    study: str  # the file of the resolved study
    packs: tuple[tuple[Trial, ...], ...]
    run_refs: Mapping[str, RunRef]  # by key
    outcomes: Mapping[str, Outcome]  # by key, of trials that ended before or, with a pruner, have begun
    checkpoint_every: float = 60.0  # seconds
    judged: tuple[Trial, ...] = ()  # with a pruner: all trials that are known, with those that ended
    first: tuple[Trial, ...] = ()  # of every variant the first seeds, where more are added by a rule
    device_seconds: float | None = None  # that are left of the study's budget; None: it has none


@dataclass(frozen=True)
class PackConfig:
    """Everything that a worker needs to run a pack."""

    trials: tuple[Trial, ...]
    run_refs: Mapping[str, RunRef]  # by key
    study: str  # name
    store: str  # folder
    gpu: float
    threads: int
    checkpoint_every: float  # seconds
    pretraining: tuple[str, ...]  # keys of trials whose encoders others start from
    interim: InterimProbe | None = None
    rungs: tuple[int, ...] = ()  # epochs after which a pruner decides whether the trials go on


CLUSTER_REQUEST: Codec[ClusterRequest] = Codec({"cluster": ClusterRequest}, version=1)
LAUNCH_CONFIG: Codec[LaunchConfig] = Codec({"launch": LaunchConfig}, version=1)
PACK_CONFIG: Codec[PackConfig] = Codec({"pack": PackConfig}, version=1)

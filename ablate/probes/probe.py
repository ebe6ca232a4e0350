"""The interface of probes: data types of an embedded data set, the abstract class `Probe`, and scoring with several.

A probe scores frozen embeddings.  `ablate.testing.probes.ProbeContract` tests what every probe has to promise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.errors import StudyError, TrialError
from ablate.methods.capabilities import Capability as Capability  # both belong to a probe's interface
from ablate.methods.capabilities import Model as Model
from ablate.probes.weights import Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Direction = Literal["maximize", "minimize"]
Metrics = Mapping[str, Direction]  # name → the direction that is better

DIVERGED = "training has diverged: lower the learning rate, or check the loss curve for divergence"  # a remedy


def unchanged(inputs: Tensor) -> Tensor:
    """The clean inputs of a method that uses those of the data set."""
    return inputs


@dataclass(frozen=True)
class Inputs:
    """The inputs of a split, as positions in the values of the whole data set, which are not copied."""

    values: Tensor  # (M, ...) of the data set, uint8 or float32
    rows: Tensor  # (N,) positions in `values`
    scale: float  # factor from stored values to inputs
    unaugmented: Callable[[Tensor], Tensor] = unchanged  # inputs of the data set → the model's clean inputs

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, index: Tensor) -> Tensor:
        """The clean inputs (B, ...) at positions (B,) of the split, for all functions of the model but `view`."""
        return self.unaugmented(self.originals(index))

    def originals(self, index: Tensor) -> Tensor:
        """The inputs (B, ...) of the data set at positions (B,) of the split, as floats: what views are drawn from."""
        return self.values[self.rows[index]].float() * self.scale


@dataclass(frozen=True)
class Features:
    """One split: embeddings x (N, D), labels y (N,), targets (N, T) where the data set has some, and the inputs."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    targets: NDArray[np.float32] | None = None
    inputs: Inputs | None = None


def no_report(share: float) -> None:
    """Ignore the progress."""


@dataclass(frozen=True)
class Embedded:
    """The splits of a data set, embedded by one frozen encoder.

    `evaluation` is the split of measures that need no training: the test split of the image sets, all points of the
    other data sets.  A slow probe calls `report_progress` from time to time with the share, 0 to 1, that is done.
    """

    train: Features
    test: Features
    evaluation: Features
    model: Model | None = None
    report_progress: Callable[[float], None] = no_report
    validation: Inputs | None = None  # the samples that `training.samples` left out of training; they are not embedded


@dataclass(frozen=True)
class Matrix:
    """A heat map: values (R, C), drawn between `low` and `high`, with the names of its rows and columns."""

    values: NDArray[np.float64]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    low: float
    high: float


class Probe(ABC):
    """An evaluation of frozen embeddings; subclasses are frozen dataclasses whose fields are the options."""

    revision: ClassVar[str] = "1"  # to be raised when scores change: finished trials are then scored again
    source: ClassVar[str]  # the publication that the evaluation follows
    metrics: ClassVar[Metrics]  # every metric that `score` may return
    best_of_snapshots: ClassVar[bool] = False  # whether `score_all` adds the best over the last epochs as `best_…`
    needs: ClassVar[tuple[Capability, ...]] = ()  # capabilities that the method must have; planning refuses others

    @abstractmethod
    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        """The metrics of one encoder; a pure function of its arguments.

        Raises TrialError for features that are not finite, StudyError for data that `check` refuses.
        """

    @property
    def required(self) -> tuple[Capability, ...]:
        """The capabilities that the method must have for these options; `needs`, unless a probe overrides this."""
        return self.needs

    def pictures(self, embedded: Embedded, seed: int) -> Mapping[str, Matrix]:
        """Heat maps that go with the metrics, by name; none by default."""
        return {}

    def check(self, info: DataInfo) -> None:
        """Raise StudyError where the options do not fit the data.  A probe that needs no labels overrides this.

        Called when a study is planned, and by `check_embedded`.
        """
        if info.classes < 2:
            raise StudyError(
                f"this probe needs labels of two classes or more, and there are {info.classes}",
                "choose a labelled data set, or leave the probe out",
            )

    def weights(self) -> tuple[Weights, ...]:
        """The weights that these options need: looked up by `check` and `plan`, downloaded before a launch starts."""
        return ()

    def check_embedded(self, embedded: Embedded) -> None:
        """Raise TrialError where features are not finite, and StudyError where `check` refuses the data.

        Every `score` begins with this call.
        """
        check_finite_features(embedded)
        self.check(info_of(embedded))


def check_finite_features(embedded: Embedded) -> None:
    """Raise TrialError where a split has features that are not finite."""
    splits = {"train": embedded.train, "test": embedded.test, "evaluation": embedded.evaluation}
    for split, features in splits.items():
        broken = len(features.x) - int(np.isfinite(features.x).all(axis=1).sum())
        if broken:
            problem = f"the embedding of the {split} split is not finite for {broken} of {len(features.x)} samples"
            raise TrialError(problem, DIVERGED)


def info_of(embedded: Embedded) -> DataInfo:
    """The counts that `Probe.check` reads, of an embedded data set."""
    train, evaluation = embedded.train, embedded.evaluation
    return DataInfo(
        probed=len(train.y),
        evaluation=len(evaluation.y),
        classes=len(np.union1d(train.y, evaluation.y)),
        targets=0 if train.targets is None else train.targets.shape[1],
        validation=0 if embedded.validation is None else len(embedded.validation),
    )


def with_best(metrics: Metrics) -> Metrics:
    """The metrics of a probe that is also scored on the snapshots of the last epochs: each name, and `best_` + name."""
    return {**metrics, **{f"best_{name}": direction for name, direction in metrics.items()}}


def score_all(
    probes: Mapping[str, Probe], views: Sequence[Embedded], seed: int, snapshots: int | None = None
) -> dict[str, float]:
    """All metrics of an encoder, as `clustering/accuracy`; `views` are its last epochs, the oldest first.

    Scores are those of the last epoch.  Probes with `best_of_snapshots` add `clustering/best_accuracy`, the best of
    each metric over the views, for comparison with papers that choose the epoch by the labels.  These are added where
    there is more than one view, or where more than one was configured (`snapshots`): a method that is fitted in closed
    form has a single view, which is its best and its last.
    """
    scores: dict[str, float] = {}
    for name, probe in probes.items():
        last = probe.score(views[-1], seed)
        if probe.best_of_snapshots and (snapshots or len(views)) > 1:
            earlier = [probe.score(view, seed) for view in views[:-1]]
            last = {**last, **best(probe.metrics, [*earlier, last])}
        scores |= {f"{name}/{metric}": value for metric, value in last.items()}
    return scores


def best(metrics: Metrics, scored: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The best value of each metric over several scores, named `best_…`."""
    choose = {"maximize": max, "minimize": min}
    return {f"best_{name}": choose[metrics[name]](scores[name] for scores in scored) for name in scored[-1]}

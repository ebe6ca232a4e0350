"""Runs of packs in this process: two small methods, their trials, and how packs of them end."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.encoder import load_encoders
from ablate.events import Ended, State, TrialUpdate
from ablate.methods.method import Method, Pretraining, Tensors
from ablate.options import Value, option
from ablate.run import run_pack
from ablate.run_context import RunContext
from ablate.stopping import StopRequest
from ablate.track.spool import SpoolTracker, history, read
from ablate.track.spool_records import SpoolRecord
from ablate.trial import Config, Trial

R = TypeVar("R", bound=SpoolRecord)
STEPS = 5  # in an epoch
MakeContext = Callable[..., RunContext]
StopRequests = Callable[[str], StopRequest | None]
STOP = StopRequest(State.STOPPED, "stopped on request")
PRUNE = StopRequest(State.PRUNED, "worse than the median")


@dataclass(frozen=True)
class Slope(Method):
    """A linear encoder whose outputs are pulled towards zero, with a fault on request."""

    source: ClassVar[str] = "this file"
    fault: str = option("", "which part fails: loss, embedding or none")
    pull: float = option(1.0, "weight of the loss", above=0)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return {"encoder.weight": torch.randn(64, 2, generator=generator)}, {}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        z = inputs.flatten(1) @ params["encoder.weight"]
        return z * torch.nan if self.fault == "embedding" else z

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        if self.fault == "loss":
            raise RuntimeError("the loss is lost\nand found")
        loss = self.pull * (batch["input"].flatten(1) @ params["encoder.weight"]).square().mean()
        return loss, {"loss": loss}, state


@dataclass(frozen=True)
class Ascent(Slope):
    """Starts from the weights that a slope has learned."""

    def pretraining(self) -> Pretraining:
        return Pretraining("slope", {})

    def load_pretrained(self, params: Tensors, state: Tensors, first: Tensors) -> tuple[Tensors, Tensors]:
        return params, {**state, "first.weight": first["encoder.weight"]}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        loss = (params["encoder.weight"] - state["first.weight"]).square().sum()
        return loss, {"loss": loss}, state


def slope_trial(seed: int = 0, **settings: Value) -> Trial:
    config = Config("slope", "1", settings, "digits", "1", {"epochs": 2}, seed)
    return Trial(config, {"linear": {"epochs": 2}}, "study")


def descent_trial(learning_rate: float) -> Trial:
    """A slope of six epochs with steps of this size along the gradient; the loss is quadratic."""
    training: dict[str, Value] = {"epochs": 6, "optimizer": "sgd", "momentum": 0.0, "learning_rate": learning_rate}
    return Trial(Config("slope", "1", {}, "digits", "1", training, 0), {}, "study")


def ascent_trial(first: Trial) -> Trial:
    return replace(first, config=replace(first.config, method="ascent", training={"epochs": 150}, first=first.config))


def invariant_trial(seed: int = 0, epochs: int = 2, **settings: Value) -> Trial:
    """A trial of the real method, with batch norm and a state that moves."""
    training = {"epochs": epochs, "samples": 64 * STEPS, "batch_size": 64}
    config = Config("invariant", "1", {"k": 10, **settings}, "digits", "1", training, seed)
    return Trial(config, {"linear": {"epochs": 2}}, "study")


class After:
    """Requests a stop from the n-th lookup on, of all trials or of the one with this key."""

    def __init__(self, lookups: int, request: StopRequest = STOP, key: str = "") -> None:
        self.left, self.request, self.key = lookups, request, key

    def __call__(self, key: str) -> StopRequest | None:
        if self.key and key != self.key:
            return None
        self.left -= 1
        return self.request if self.left <= 0 else None


def updates(trials: Sequence[Trial], context: RunContext) -> list[TrialUpdate]:
    assert isinstance(context.tracker, SpoolTracker)
    with context.tracker:
        return list(run_pack(trials, context))


def ends(found: Iterable[TrialUpdate]) -> dict[str, Ended]:
    return {update.trial: update for update in found if isinstance(update, Ended)}


def run(trials: Sequence[Trial], context: RunContext) -> list[Ended]:
    """How the trials of a pack end, in their order."""
    by_key = ends(updates(trials, context))
    return [by_key[trial.key] for trial in trials]


def curves(trial: Trial, context: RunContext) -> dict[str, list[tuple[int, float]]]:
    return history(context.paths.trial(trial.key).spool)


def trained(trial: Trial, context: RunContext) -> dict[int, dict[str, Tensor]]:
    encoders = load_encoders(context.paths.trial(trial.key).encoder)
    return {epoch: dict(encoder.tensors) for epoch, encoder in encoders.items()}


def assert_same(trial: Trial, one: RunContext, other: RunContext) -> None:
    """Metrics and encoders are equal, bit for bit."""
    assert curves(trial, one) == curves(trial, other)
    mine, theirs = trained(trial, one), trained(trial, other)
    assert mine.keys() == theirs.keys()
    for epoch, tensors in mine.items():
        assert tensors.keys() == theirs[epoch].keys()
        assert all(torch.equal(tensor, theirs[epoch][name]) for name, tensor in tensors.items())


def records(trial: Trial, context: RunContext, kind: type[R]) -> list[R]:
    """The records of one kind in a trial's spool."""
    return [record for record in read(context.paths.trial(trial.key).spool, 0)[0] if isinstance(record, kind)]

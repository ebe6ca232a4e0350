"""How long trials take on this machine: a few optimizer steps and one scoring of each, timed.

`python -m ablate.measure` reads a `MeasureRequest` from standard input and writes a `Measured` or `NotMeasured` for
each trial to standard output.  It runs in a process of its own, as a worker does, so that torch has as many threads and
the caller may end it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.codec import Codec
from ablate.data.cache import load_data
from ablate.deferred import torch
from ablate.encoder import save_encoders
from ablate.events import Ended, State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.process import end_with_parent
from ablate.run import fit_of
from ablate.run_context import RunContext, reason_of
from ablate.scoring import score
from ablate.track.spool import SpoolTracker
from ablate.trial import Config, Trial

if TYPE_CHECKING:
    from ablate.data.dataset import Data
    from ablate.train.fit import Fit

WARM_UP = 5  # steps that are not timed: the first ones allocate memory, and capture graphs on a GPU
LEAST_STEPS = 3  # that are timed, where the training has as many


@dataclass(frozen=True)
class MeasureRequest:
    """What is to be measured."""

    packs: tuple[tuple[Trial, ...], ...]  # which train together, as a launch would pack them
    tensors: str  # the folder of decoded data sets
    gpu: bool
    threads: int
    seconds: float  # of training that are timed


@dataclass(frozen=True)
class Measured:
    """What a trial of a shape takes."""

    shape: str
    epoch_seconds: float  # of the trial's share of the device
    fixed_seconds: float
    megabytes: float


@dataclass(frozen=True)
class NotMeasured:
    """A shape could not be measured."""

    shape: str
    reason: str


REQUEST: Codec[MeasureRequest] = Codec({"measure": MeasureRequest}, version=1)
RESULT: Codec[Measured | NotMeasured] = Codec({"measured": Measured, "not-measured": NotMeasured}, version=1)


def measure(pack: Sequence[Trial], context: RunContext, seconds: float) -> Measured:
    """The cost of the pack's trials, whose folders are the context's.  Raises what training and scoring raise."""
    for trial in pack:
        context.tracker.start(trial)
    data = load_data(pack[0].config.dataset, context.tensors, pack[0].config.data)
    prepare_pretraining(pack, data, context)
    began = time.monotonic()
    fit = fit_of([(trial, None) for trial in pack], data, context)
    set_up = (time.monotonic() - began) / len(pack)
    trained = bool(fit.methods[0].objectives)
    epoch = step_seconds(fit, seconds) * fit.epoch_steps / len(pack) if trained else set_up
    scoring, megabytes = time_scoring(fit, pack[0], data, context)
    return Measured(pack[0].shape, epoch, scoring + (set_up if trained else 0.0), megabytes)


def prepare_pretraining(pack: Sequence[Trial], data: Data, context: RunContext) -> None:
    """Save an untrained encoder for each pretraining trial that the pack starts from."""
    firsts = {trial.config.first.key: trial.config.first for trial in pack if trial.config.first is not None}
    context.paths.pretrained_folder.mkdir(parents=True, exist_ok=True)
    for key, config in firsts.items():
        save_encoders(context.paths.pretrained(key), config, {1: untrained(config, pack[0], data, context)})


def untrained(config: Config, trial: Trial, data: Data, context: RunContext) -> dict[str, torch.Tensor]:
    return fit_of([(Trial(config, {}, trial.study), None)], data, context).encoder(0)


def step_seconds(fit: Fit, seconds: float) -> float:
    """Seconds of an optimizer step of the pack, as the mean over about so many seconds of training."""
    steps = iter(fit.steps())
    warm, began = 0, time.monotonic()
    while warm < min(WARM_UP, fit.total // 2) and time.monotonic() - began < seconds:
        next(steps)
        warm += 1
    wait_for(fit.device)
    done, began = 0, time.monotonic()
    for _ in steps:
        done += 1
        if done >= LEAST_STEPS and time.monotonic() - began >= seconds:
            break
    wait_for(fit.device)
    if fit.keeps_best:
        return (time.monotonic() - began) / max(1, done) + validation_seconds(fit) / fit.epoch_steps
    return (time.monotonic() - began) / max(1, done)


def validation_seconds(fit: Fit) -> float:
    """Seconds in which all members are scored on the validation samples, as at the end of each epoch."""
    began = time.monotonic()
    for member in fit.members:
        fit.validate(member, 1)
    return time.monotonic() - began


def wait_for(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_scoring(fit: Fit, trial: Trial, data: Data, context: RunContext) -> tuple[float, float]:
    """Seconds of the scoring of a trial's encoder as it is now, and the megabytes of its files."""
    paths, epochs = context.paths.trial(trial.key), fit.epochs
    kept = range(max(1, epochs - fit.recipe.snapshots + 1), epochs + 1)
    save_encoders(paths.encoder, trial.config, {epoch: fit.encoder(0) for epoch in kept})
    began = time.monotonic()
    *_, last = score(trial, data, context)
    took = time.monotonic() - began
    assert isinstance(last, Ended), "scoring ends a trial"
    assert last.state is State.FINISHED, last.reason
    files = [paths.encoder, *paths.folder.glob("*.png")]
    return took, sum(file.stat().st_size for file in files) / 1e6


def results(request: MeasureRequest) -> Iterator[Measured | NotMeasured]:
    """The cost of each pack's shape, one after the other."""
    torch.set_num_threads(request.threads)
    for pack in request.packs:
        with tempfile.TemporaryDirectory() as folder:
            paths = StudyPaths(Path(folder))
            with SpoolTracker(paths, {}, {trial.key: RunRef() for trial in pack}) as tracker:
                device = torch.device("cuda" if request.gpu else "cpu")
                context = RunContext(paths, Path(request.tensors), tracker, device)
                try:
                    yield measure(pack, context, request.seconds)
                except Exception as error:  # whatever it is, the other shapes are measured; the launch will show it
                    yield NotMeasured(pack[0].shape, reason_of(error))


def main() -> None:
    """Measure what standard input asks for; the argument is the PID of the caller, with which this process ends."""
    end_with_parent(int(sys.argv[1]))
    request = REQUEST.decode(sys.stdin.readline())
    for result in results(request):
        sys.stdout.write(RESULT.encode(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

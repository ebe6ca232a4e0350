"""One pack, end to end: train, score, keep.  `python -m ablate.run jobs.json` does it without Ray and MLflow."""

import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ablate.data.cache import load
from ablate.data.dataset import Data
from ablate.draw.trial_pictures import pictures
from ablate.embedding import embedded
from ablate.encoder import load_encoders, save_encoders
from ablate.errors import AblateError, TrialError
from ablate.events import Event, Failure, Outcome, Progress
from ablate.methods import METHODS
from ablate.options import Value, build, former_names
from ablate.paths import StudyPaths, default_store
from ablate.planning.packs import pack, with_pretraining
from ablate.probes import PROBES
from ablate.probes.probe import Probe, score_all
from ablate.subset import SUBSET_SEED, balanced
from ablate.track.spool import SpoolTracker
from ablate.track.tracker import Tracker
from ablate.train import checkpoint
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe
from ablate.trial import Config, Trial, digest


@dataclass(frozen=True)
class RunContext:
    """Where a pack runs and what it leaves behind."""

    paths: StudyPaths
    tensors: Path  # memory-mapped data sets
    tracker: Tracker
    device: torch.device
    checkpoint_every: float = 60.0  # seconds
    stop: Callable[[], bool] = lambda: False  # asked between steps
    firsts: frozenset[str] = frozenset()  # keys of trials that others start from


STACK = 16  # trials that train together where it pays; twice as many gained another sixth

Report = Progress | Outcome
Started = tuple[Trial, checkpoint.Checkpoint | None]  # a trial and where it stands


def prepare(datasets: Iterable[str], tensors: Path) -> None:
    """Have every data set ready for the workers.  Raises DataError where one is missing or damaged."""
    for name in sorted(set(datasets)):
        load(name, tensors)


def probe_digests(trial: Trial) -> dict[str, str]:
    """Probe → digest of its revision and settings: its scores are measured again when it changes."""
    return {name: probe_digest(PROBES[name], settings) for name, settings in trial.probes.items()}


def probe_digest(probe: type[Probe], settings: Mapping[str, Value]) -> str:
    names = former_names(probe)
    return digest([probe.revision, {names.get(name, name): value for name, value in settings.items()}])


def packed(trials: Sequence[Trial], most: Literal["auto"] | int, accelerated: bool) -> tuple[tuple[Trial, ...], ...]:
    """The jobs in packs of at most so many; auto: where they train faster together, which they never do on a CPU."""

    def size(trial: Trial) -> int:
        method = build(METHODS[trial.config.method], trial.config.settings)
        if method.cannot_pack:
            return 1
        return (STACK if accelerated and method.stacks else 1) if most == "auto" else most

    return pack(trials, size)


def run_pack(trials: Sequence[Trial], context: RunContext) -> Iterator[Report]:
    """Bring every trial of a pack to its end, each from where it stands; a failure is an outcome, no exception."""
    known = {trial.key: trial for trial in trials}
    for trial in trials:
        context.paths.trial(trial.key).traceback.unlink(missing_ok=True)  # of an earlier attempt
        context.tracker.start(trial)
    for report in guarded(trials, bring_to_end(trials, context), context):
        if isinstance(report, Outcome):
            close(known[report.key], report, context)
        yield report


def guarded(trials: Sequence[Trial], reports: Iterator[Report], context: RunContext) -> Iterator[Report]:
    """The reports on the jobs; whatever goes wrong is the result of those that have not ended, and of no others."""
    open_keys = [trial.key for trial in trials]
    try:
        for report in reports:
            if isinstance(report, Outcome):
                open_keys.remove(report.key)
            yield report
    except Exception as error:
        for key in open_keys:
            context.paths.trial(key).traceback.write_text(traceback.format_exc())
            yield Outcome(key, "FAILED", reason_of(error))


def bring_to_end(trials: Sequence[Trial], context: RunContext) -> Iterator[Report]:
    """Train what has no encoder yet, then score."""
    data = load(trials[0].config.dataset, context.tensors)
    untrained = [trial for trial in trials if not context.paths.trial(trial.key).encoder.exists()]
    ended = set()
    for group in by_step(untrained, context):
        for report in guarded([trial for trial, _ in group], train(group, data, context), context):
            if isinstance(report, Outcome):
                ended.add(report.key)
            yield report
    for trial in trials:
        if trial.key not in ended:
            yield from guarded([trial], score(trial, data, context), context)


def by_step(trials: Sequence[Trial], context: RunContext) -> Iterator[list[Started]]:
    """Groups of trials that stand at the same step: only they can train together."""
    groups: dict[int, list[Started]] = {}
    for trial in trials:
        saved = checkpoint.load(context.paths.trial(trial.key).checkpoint)
        groups.setdefault(saved.step if saved else 0, []).append((trial, saved))
    yield from groups.values()


def train(group: Sequence[Started], data: Data, context: RunContext) -> Iterator[Report]:
    """Train one group to the end, to a failure or to a stop; those that get to the end leave their encoder."""
    trials = [trial for trial, _ in group]
    fit = fit_of(group, data, context)
    last: Mapping[str, float] = {}
    saved = time.monotonic()
    for said in fit.steps():
        for event in said:
            if isinstance(event, Failure):
                yield Outcome(trials[event.member].key, "FAILED", event.reason)
            else:
                last = keep(trials[event.member], event, context)
        stopping = context.stop()
        if stopping or time.monotonic() - saved >= context.checkpoint_every:
            save(fit, trials, context)
            saved = time.monotonic()
        if stopping:
            yield from (Outcome(trials[member].key, "STOPPED") for member in fit.alive)
            return
        keys = tuple(trial.key for trial in trials)
        yield Progress(keys, fit.step // fit.epoch_steps, fit.step / fit.total, last)
    for member in fit.alive:
        save_trained(trials[member], fit.snapshots(member), context)


def fit_of(group: Sequence[Started], data: Data, context: RunContext) -> Fit:
    configs = [trial.config for trial, _ in group]
    return Fit(
        methods=[build(METHODS[config.method], config.settings) for config in configs],
        recipes=[recipe_of(config) for config in configs],
        seeds=[config.seed for config in configs],
        data=training_set(data, recipe_of(configs[0]).samples),
        device=context.device,
        resume=[saved for _, saved in group],
        first=[first_encoder(config.first, context.paths) for config in configs if config.first is not None],
    )


def training_set(data: Data, samples: int) -> TrainingSet:
    """What training sees of a data set: all of it, or so many `samples` (0: no limit), as many of each class."""
    rows = data.seen.nonzero().squeeze(1)
    if samples:
        rows = rows[balanced(data.y[rows].clamp(min=0), samples, SUBSET_SEED)]
    whole = len(rows) == len(data.x)
    return TrainingSet(data.x if whole else data.x[rows], data.y if whole else data.y[rows], data.scale)


def save_trained(trial: Trial, epochs: Mapping[int, Mapping[str, Tensor]], context: RunContext) -> None:
    """Keep the encoder with the trial, which leaves once MLflow has it, and for those that start from it."""
    if trial.key in context.firsts:
        context.paths.firsts.mkdir(exist_ok=True)
        save_encoders(context.paths.first(trial.key), trial.config, epochs)
    save_encoders(context.paths.trial(trial.key).encoder, trial.config, epochs)


def first_encoder(first: Config, paths: StudyPaths) -> Mapping[str, Tensor]:
    """What a first phase has learned.  Raises TrialError where it was not trained."""
    path = paths.first(first.key)
    if not path.exists():
        remedy = "see why it failed, then run it again: ablate retry"
        raise TrialError(f"the first phase ({first.method}, trial {first.key}) has no encoder", remedy, str(path))
    return list(load_encoders(path).values())[-1].tensors


def recipe_of(config: Config) -> Recipe:
    settings: dict[str, Any] = dict(config.training)
    return Recipe(**settings)


def keep(trial: Trial, event: Event, context: RunContext) -> dict[str, float]:
    """Hand what training said to the tracker and to the trial's log."""
    values = {f"train/{name}": value for name, value in event.values.items()}
    context.tracker.record(trial, event.epoch, values)
    told = "  ".join(f"{name} {value:.5g}" for name, value in values.items())
    note(trial, context, f"epoch {event.epoch}  {told}")
    return values


def save(fit: Fit, trials: Sequence[Trial], context: RunContext) -> None:
    """Checkpoint the members that have not failed."""
    for member in fit.alive:
        checkpoint.save(context.paths.trial(trials[member].key).checkpoint, fit.checkpoint(member))


def score(trial: Trial, data: Data, context: RunContext) -> Iterator[Report]:
    """Look at the data through the trial's encoders, and draw what was seen; a stop leaves that to the next launch."""
    paths = context.paths.trial(trial.key)
    encoders = load_encoders(paths.encoder)
    views = [embedded(encoder.to(context.device), data) for encoder in encoders.values()]
    metrics: dict[str, float] = {}
    for name, settings in trial.probes.items():
        yield Progress((trial.key,), 0, 1.0, {}, "scoring")
        if context.stop():
            yield Outcome(trial.key, "STOPPED")
            return
        told = [replace(view, tell=teller(trial, name, context)) for view in views]
        metrics |= score_all(
            {name: PROBES[name](**settings)}, told, trial.config.seed, recipe_of(trial.config).snapshots
        )
    context.tracker.record(trial, max(encoders), metrics)
    note(trial, context, "  ".join(f"{name} {value:.5g}" for name, value in metrics.items()))
    for picture in pictures(trial, views[-1], paths):
        context.tracker.attach(trial, picture)
    yield Outcome(trial.key, "FINISHED", metrics=metrics)


def teller(trial: Trial, probe: str, context: RunContext) -> Callable[[float], None]:
    """A way for a probe to say in the trial's log how far it is, every ten seconds."""
    said = time.monotonic()

    def tell(share: float) -> None:
        nonlocal said
        if time.monotonic() - said > 10:
            said = time.monotonic()
            note(trial, context, f"{probe}: {share:.0%} done")

    return tell


def close(trial: Trial, outcome: Outcome, context: RunContext) -> None:
    """Hand over what is left of a trial; one that was stopped stays open for the next launch."""
    if outcome.status == "STOPPED":
        return
    paths = context.paths.trial(trial.key)
    if outcome.reason:
        note(trial, context, outcome.reason)
    for file in (paths.encoder, paths.log, paths.traceback):
        if file.exists():
            context.tracker.attach(trial, file)
    context.tracker.finish(trial, outcome.status, outcome.reason)


def note(trial: Trial, context: RunContext, text: str) -> None:
    """Add a line to the trial's log."""
    with context.paths.trial(trial.key).log.open("a") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")


def reason_of(error: Exception) -> str:
    """What went wrong, in one line."""
    return str(error) if isinstance(error, AblateError) else f"{type(error).__name__}: {error}".splitlines()[0]


def main() -> int:
    """Run the jobs of a JSON file pack by pack, where there is neither Ray nor MLflow; 1 if one of them failed.

    Trials train together as far as they can, first phases before those that start from them.
    """
    trials = with_pretraining([Trial.from_json(trial) for trial in json.loads(Path(sys.argv[1]).read_text())])
    store = default_store()
    paths = store.study(trials[0].study)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    failed = False
    said = time.monotonic()
    with SpoolTracker(paths) as tracker:
        firsts = frozenset(trial.config.first.key for trial in trials if trial.config.first is not None)
        context = RunContext(paths, store.tensors, tracker, device, firsts=firsts)
        packs = packed(trials, "auto", device.type != "cpu")
        for report in (report for members in packs for report in run_pack(members, context)):
            if isinstance(report, Outcome):
                failed = failed or report.status == "FAILED"
                print(json.dumps(asdict(report)), flush=True)
            elif time.monotonic() - said > 10:
                said = time.monotonic()
                print(json.dumps(asdict(report)), file=sys.stderr, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

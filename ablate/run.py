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
from ablate.embedding import embedded
from ablate.encoder import load_encoders, save_encoders
from ablate.errors import AblateError, TrialError
from ablate.events import Event, Failure, Outcome, Progress
from ablate.gallery import pictures
from ablate.methods import METHODS
from ablate.paths import StudyPaths, default_store
from ablate.probes import PROBES
from ablate.probes.probe import score_all
from ablate.spec.packs import pack, with_first_phases
from ablate.spec.trial import Job, Trial, digest
from ablate.subset import SUBSET_SEED, balanced
from ablate.track.spool import SpoolTracker
from ablate.track.tracker import Tracker
from ablate.train import checkpoint
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe


@dataclass(frozen=True)
class Bench:
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
Started = tuple[Job, checkpoint.Checkpoint | None]  # a trial and where it stands


def prepare(datasets: Iterable[str], tensors: Path) -> None:
    """Have every data set ready for the workers.  Raises DataError where one is missing or damaged."""
    for name in sorted(set(datasets)):
        load(name, tensors)


def probe_digests(job: Job) -> dict[str, str]:
    """What decides the scores of each probe, in short: they are measured again when it changes."""
    return {name: digest([PROBES[name].revision, dict(settings)]) for name, settings in job.probes.items()}


def packed(jobs: Sequence[Job], most: Literal["auto"] | int, accelerated: bool) -> tuple[tuple[Job, ...], ...]:
    """The jobs in packs of at most so many; auto: where they train faster together, which they never do on a CPU."""

    def size(job: Job) -> int:
        method = METHODS[job.trial.method](**job.trial.settings)
        if method.cannot_pack:
            return 1
        return (STACK if accelerated and method.stacks else 1) if most == "auto" else most

    return pack(jobs, size)


def run_pack(jobs: Sequence[Job], bench: Bench) -> Iterator[Report]:
    """Bring every trial of a pack to its end, each from where it stands; a failure is an outcome, no exception."""
    known = {job.key: job for job in jobs}
    for job in jobs:
        bench.paths.trial(job.key).traceback.unlink(missing_ok=True)  # of an earlier attempt
        bench.tracker.start(job)
    for report in guarded(jobs, bring_to_end(jobs, bench), bench):
        if isinstance(report, Outcome):
            close(known[report.key], report, bench)
        yield report


def guarded(jobs: Sequence[Job], reports: Iterator[Report], bench: Bench) -> Iterator[Report]:
    """The reports on the jobs; whatever goes wrong is the result of those that have not ended, and of no others."""
    open_keys = [job.key for job in jobs]
    try:
        for report in reports:
            if isinstance(report, Outcome):
                open_keys.remove(report.key)
            yield report
    except Exception as error:
        for key in open_keys:
            bench.paths.trial(key).traceback.write_text(traceback.format_exc())
            yield Outcome(key, "FAILED", reason_of(error))


def bring_to_end(jobs: Sequence[Job], bench: Bench) -> Iterator[Report]:
    """Train what has no encoder yet, then score."""
    data = load(jobs[0].trial.dataset, bench.tensors)
    untrained = [job for job in jobs if not bench.paths.trial(job.key).encoder.exists()]
    ended = set()
    for group in by_step(untrained, bench):
        for report in guarded([job for job, _ in group], train(group, data, bench), bench):
            if isinstance(report, Outcome):
                ended.add(report.key)
            yield report
    for job in jobs:
        if job.key not in ended:
            yield from guarded([job], score(job, data, bench), bench)


def by_step(jobs: Sequence[Job], bench: Bench) -> Iterator[list[Started]]:
    """Groups of trials that stand at the same step: only they can train together."""
    groups: dict[int, list[Started]] = {}
    for job in jobs:
        saved = checkpoint.load(bench.paths.trial(job.key).checkpoint)
        groups.setdefault(saved.step if saved else 0, []).append((job, saved))
    yield from groups.values()


def train(group: Sequence[Started], data: Data, bench: Bench) -> Iterator[Report]:
    """Train one group to the end, to a failure or to a stop; those that get to the end leave their encoder."""
    jobs = [job for job, _ in group]
    fit = fit_of(group, data, bench)
    last: Mapping[str, float] = {}
    saved = time.monotonic()
    for said in fit.steps():
        for event in said:
            if isinstance(event, Failure):
                yield Outcome(jobs[event.member].key, "FAILED", event.reason)
            else:
                last = keep(jobs[event.member], event, bench)
        stopping = bench.stop()
        if stopping or time.monotonic() - saved >= bench.checkpoint_every:
            save(fit, jobs, bench)
            saved = time.monotonic()
        if stopping:
            yield from (Outcome(jobs[member].key, "STOPPED") for member in fit.alive)
            return
        keys = tuple(job.key for job in jobs)
        yield Progress(keys, fit.step // fit.epoch_steps, fit.step / fit.total, last)
    for member in fit.alive:
        save_trained(jobs[member], fit.snapshots(member), bench)


def fit_of(group: Sequence[Started], data: Data, bench: Bench) -> Fit:
    trials = [job.trial for job, _ in group]
    return Fit(
        methods=[METHODS[trial.method](**trial.settings) for trial in trials],
        recipes=[recipe_of(trial) for trial in trials],
        seeds=[trial.seed for trial in trials],
        data=training_set(data, recipe_of(trials[0]).samples),
        device=bench.device,
        resume=[saved for _, saved in group],
        first=[first_encoder(trial.first, bench.paths) for trial in trials if trial.first is not None],
    )


def training_set(data: Data, samples: int) -> TrainingSet:
    """What training sees of a data set: all of it, or so many `samples` (0: no limit), as many of each class."""
    rows = data.seen.nonzero().squeeze(1)
    if samples:
        rows = rows[balanced(data.y[rows].clamp(min=0), samples, SUBSET_SEED)]
    whole = len(rows) == len(data.x)
    return TrainingSet(data.x if whole else data.x[rows], data.y if whole else data.y[rows], data.scale)


def save_trained(job: Job, epochs: Mapping[int, Mapping[str, Tensor]], bench: Bench) -> None:
    """Keep the encoder with the trial, which leaves once MLflow has it, and for those that start from it."""
    if job.key in bench.firsts:
        bench.paths.firsts.mkdir(exist_ok=True)
        save_encoders(bench.paths.first(job.key), job.trial, epochs)
    save_encoders(bench.paths.trial(job.key).encoder, job.trial, epochs)


def first_encoder(first: Trial, paths: StudyPaths) -> Mapping[str, Tensor]:
    """What a first phase has learned.  Raises TrialError where it was not trained."""
    path = paths.first(first.key)
    if not path.exists():
        remedy = "see why it failed, then run it again: ablate retry"
        raise TrialError(f"the first phase ({first.method}, trial {first.key}) has no encoder", remedy, str(path))
    return list(load_encoders(path).values())[-1].tensors


def recipe_of(trial: Trial) -> Recipe:
    settings: dict[str, Any] = dict(trial.training)
    return Recipe(**settings)


def keep(job: Job, event: Event, bench: Bench) -> dict[str, float]:
    """Hand what training said to the tracker and to the trial's log."""
    values = {f"train/{name}": value for name, value in event.values.items()}
    bench.tracker.record(job, event.epoch, values)
    told = "  ".join(f"{name} {value:.5g}" for name, value in values.items())
    note(job, bench, f"epoch {event.epoch}  {told}")
    return values


def save(fit: Fit, jobs: Sequence[Job], bench: Bench) -> None:
    """Checkpoint the members that have not failed."""
    for member in fit.alive:
        checkpoint.save(bench.paths.trial(jobs[member].key).checkpoint, fit.checkpoint(member))


def score(job: Job, data: Data, bench: Bench) -> Iterator[Report]:
    """Look at the data through the trial's encoders, and draw what was seen; a stop leaves that to the next launch."""
    paths = bench.paths.trial(job.key)
    encoders = load_encoders(paths.encoder)
    views = [embedded(encoder.to(bench.device), data) for encoder in encoders.values()]
    metrics: dict[str, float] = {}
    for name, settings in job.probes.items():
        yield Progress((job.key,), 0, 1.0, {}, "scoring")
        if bench.stop():
            yield Outcome(job.key, "STOPPED")
            return
        told = [replace(view, tell=teller(job, name, bench)) for view in views]
        metrics |= score_all({name: PROBES[name](**settings)}, told, job.trial.seed, recipe_of(job.trial).snapshots)
    bench.tracker.record(job, max(encoders), metrics)
    note(job, bench, "  ".join(f"{name} {value:.5g}" for name, value in metrics.items()))
    for picture in pictures(job, views[-1], paths):
        bench.tracker.attach(job, picture)
    yield Outcome(job.key, "FINISHED", metrics=metrics)


def teller(job: Job, probe: str, bench: Bench) -> Callable[[float], None]:
    """A way for a probe to say in the trial's log how far it is, every ten seconds."""
    said = time.monotonic()

    def tell(share: float) -> None:
        nonlocal said
        if time.monotonic() - said > 10:
            said = time.monotonic()
            note(job, bench, f"{probe}: {share:.0%} done")

    return tell


def close(job: Job, outcome: Outcome, bench: Bench) -> None:
    """Hand over what is left of a trial; one that was stopped stays open for the next launch."""
    if outcome.status == "STOPPED":
        return
    paths = bench.paths.trial(job.key)
    if outcome.reason:
        note(job, bench, outcome.reason)
    for file in (paths.encoder, paths.log, paths.traceback):
        if file.exists():
            bench.tracker.attach(job, file)
    bench.tracker.finish(job, outcome.status, outcome.reason)


def note(job: Job, bench: Bench, text: str) -> None:
    """Add a line to the trial's log."""
    with bench.paths.trial(job.key).log.open("a") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")


def reason_of(error: Exception) -> str:
    """What went wrong, in one line."""
    return str(error) if isinstance(error, AblateError) else f"{type(error).__name__}: {error}".splitlines()[0]


def main() -> int:
    """Run the jobs of a JSON file pack by pack, where there is neither Ray nor MLflow; 1 if one of them failed.

    Trials train together as far as they can, first phases before those that start from them.
    """
    jobs = with_first_phases([Job.from_json(job) for job in json.loads(Path(sys.argv[1]).read_text())])
    store = default_store()
    paths = store.study(jobs[0].study)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    failed = False
    said = time.monotonic()
    with SpoolTracker(paths) as tracker:
        firsts = frozenset(job.trial.first.key for job in jobs if job.trial.first is not None)
        bench = Bench(paths, store.tensors, tracker, device, firsts=firsts)
        packs = packed(jobs, "auto", device.type != "cpu")
        for report in (report for members in packs for report in run_pack(members, bench)):
            if isinstance(report, Outcome):
                failed = failed or report.status == "FAILED"
                print(json.dumps(asdict(report)), flush=True)
            elif time.monotonic() - said > 10:
                said = time.monotonic()
                print(json.dumps(asdict(report)), file=sys.stderr, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

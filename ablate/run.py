"""One pack, end to end: train, score, record.

`python -m ablate.run trials.json` runs packs on a machine that has neither Ray nor MLflow.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.codec import to_plain
from ablate.data import DATASETS
from ablate.data.cache import cache_data, is_cached, load_data
from ablate.data.dataset import Data
from ablate.data.files import fetch, verify
from ablate.deferred import torch
from ablate.encoder import load_trained, save_encoders
from ablate.errors import AblateError, DamagedFile, StudyError, TrialError, from_system, is_full_disk
from ablate.events import Ended, EpochEnd, EpochValues, MemberFailed, Progress, State, TrialUpdate
from ablate.metering import Meter
from ablate.methods import METHODS
from ablate.options import build
from ablate.paths import StudyPaths, data_folder, default_store
from ablate.planning.packs import make_packs, pretraining_keys, with_pretraining
from ablate.record import ARTIFACT_MEGABYTES, EPOCH_SECONDS, SCORING_SECONDS
from ablate.run_context import RunContext, read_or_set_aside, reason_of, write_traceback
from ablate.scoring import interim_scores, score
from ablate.set_aside import set_aside
from ablate.stopping import StopRequest
from ablate.subset import training_rows, validation_rows
from ablate.track.spool import SpoolTracker
from ablate.track.trial_log import log_line
from ablate.train import checkpoint
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe
from ablate.trial import Config, Trial

if TYPE_CHECKING:
    from torch import Tensor

Started = tuple[Trial, checkpoint.Checkpoint | None]  # a trial and its checkpoint


def fetch_files(datasets: Mapping[str, str], tensors: Sequence[Path]) -> None:
    """Verify the original files of data sets with this content (`Config.data`), also where the tensors are cached.

    Those that are missing are downloaded, unless one of the folders `tensors` has the decoded ones.  Raises DataError
    where one is damaged, or cannot be downloaded.
    """
    for name, content in sorted(datasets.items()):
        verify(DATASETS[name], data_folder(), tensors[0])  # a damaged file is named before a missing one
        if not any(is_cached(name, folder, content) for folder in tensors):
            fetch(DATASETS[name], data_folder(), tensors[0])


def decode_files(datasets: Mapping[str, str], tensors: Path, shared: Path) -> None:
    """Decode data sets with this content (`Config.data`) into the cache of tensors, or copy what `shared` has.

    A data set without original files is left to the first trial that reads it, in a process that needs torch anyway.
    Raises DataError where a file is damaged.
    """
    for name, content in sorted(datasets.items()):
        if DATASETS[name].files or DATASETS[name].optional:
            cache_data(name, tensors, content, shared)


def run_pack(trials: Sequence[Trial], context: RunContext) -> Iterator[TrialUpdate]:
    """Bring every trial of a pack to its end, each from its checkpoint; failures are reported, not raised."""
    by_key = {trial.key: trial for trial in trials}
    for trial in trials:
        context.paths.trial(trial.key).traceback.unlink(missing_ok=True)  # of an earlier attempt
        context.tracker.start(trial)
    with Meter(trials, context.tracker, gpu=context.device.type == "cuda") as meter:
        for update in failures_reported(trials, train_and_score(trials, context), context):
            meter.advance()
            if isinstance(update, Ended):
                meter.end(update.trial)
                close(by_key[update.trial], update, context)
            yield update


def failures_reported(
    trials: Sequence[Trial], updates: Iterator[TrialUpdate], context: RunContext
) -> Iterator[TrialUpdate]:
    """The updates of the trials; an exception becomes the end of those that have not ended, and of no others.

    Raises OSError on a full disk, where nothing more can be recorded: no trial has failed by it.
    """
    left = [trial.key for trial in trials]
    try:
        for update in updates:
            if isinstance(update, Ended):
                left.remove(update.trial)
            yield update
    except Exception as error:  # whatever it is, the other trials go on
        if is_full_disk(error):
            raise
        state = State.OUT_OF_MEMORY if isinstance(error, torch.OutOfMemoryError | MemoryError) else State.FAILED
        for key in left:
            write_traceback(context.paths.trial(key))
            yield Ended(key, state, reason_of(error))


def train_and_score(trials: Sequence[Trial], context: RunContext) -> Iterator[TrialUpdate]:
    """Train the trials that have no encoder yet, then score all that were trained."""
    data = load_data(trials[0].config.dataset, context.tensors, trials[0].config.data)
    untrained = [trial for trial in trials if not is_trained(trial, context)]
    ended = set()
    for group in at_same_step(untrained, context):
        for update in failures_reported([trial for trial, _ in group], train_group(group, data, context), context):
            if isinstance(update, Ended):
                ended.add(update.trial)
            yield update
    for trial in trials:
        if trial.key not in ended:
            yield from failures_reported([trial], timed_score(trial, data, context), context)


def timed_score(trial: Trial, data: Data, context: RunContext) -> Iterator[TrialUpdate]:
    """`score`, and record how long it took."""
    began = time.monotonic()
    for update in score(trial, data, context):
        if isinstance(update, Ended) and update.state is State.FINISHED:
            context.tracker.record_usage(trial, {SCORING_SECONDS: time.monotonic() - began})
        yield update


def is_trained(trial: Trial, context: RunContext) -> bool:
    """Whether the trial's folder holds its encoder, and its spool all values that were recorded before it."""
    paths = context.paths.trial(trial.key)
    if not paths.encoder.exists():
        return False
    recorded = context.tracker.sync(trial)
    return read_or_set_aside(lambda: load_trained(paths.encoder, trial.key, recorded), paths) is not None


def at_same_step(trials: Sequence[Trial], context: RunContext) -> Iterator[list[Started]]:
    """Groups of trials whose checkpoints are at the same step: only they can train together."""
    groups: dict[int, list[Started]] = {}
    for trial in trials:
        paths = context.paths.trial(trial.key)
        recorded = context.tracker.sync(trial) if paths.checkpoint.exists() else 0
        saved = read_or_set_aside(partial(checkpoint.load, paths.checkpoint, trial.key, recorded), paths)
        groups.setdefault(saved.step if saved else 0, []).append((trial, saved))
    yield from groups.values()


def train_group(group: Sequence[Started], data: Data, context: RunContext) -> Iterator[TrialUpdate]:
    """Train one group until each trial is trained, failed or stopped; save the encoders of the trained ones."""
    trials = [trial for trial, _ in group]
    saved = began = time.monotonic()
    fit = fit_of(group, data, context)
    first = fit.step
    for events in fit.steps():
        for event in events:
            yield record_event(event, trials[event.member], context)
            if isinstance(event, EpochEnd):
                yield from score_between(event, fit, trials[event.member], data, context)
        requests = stop_requests(fit, trials, context)
        if requests or time.monotonic() - saved >= context.checkpoint_every:
            save_checkpoints(fit, trials, context)
            saved = time.monotonic()
        for member, request in requests.items():
            if member in fit.members:  # one that has failed meanwhile is reported as failed
                fit.stop(member)
                yield Ended(trials[member].key, request.state, request.reason)
        keys = tuple(trials[member].key for member in fit.members)
        yield Progress(keys, fit.step // fit.epoch_steps, fit.step / fit.total)
    took = (time.monotonic() - began) / len(trials) / max(1, fit.step - first) * fit.epoch_steps
    for member in fit.checked_members:
        context.tracker.record_usage(trials[member], {EPOCH_SECONDS: took})
        save_trained(trials[member], fit.snapshots(member), context)


def record_event(event: EpochEnd | MemberFailed, trial: Trial, context: RunContext) -> TrialUpdate:
    """Record what training yielded for a trial, and return it as an update."""
    match event:
        case MemberFailed():
            return Ended(trial.key, State.FAILED, event.reason)
        case EpochEnd():
            values = {f"train/{name}": value for name, value in event.values.items()}
            context.tracker.record(trial, event.epoch, values)
            listed = "  ".join(f"{name} {value:.5g}" for name, value in values.items())
            log_line(context.paths.trial(trial.key), f"epoch {event.epoch}  {listed}")
            return EpochValues(trial.key, event.epoch, values)


def score_between(event: EpochEnd, fit: Fit, trial: Trial, data: Data, context: RunContext) -> Iterator[TrialUpdate]:
    """Score a member at the end of an epoch, where a pruner is to have scores of this epoch; not of the last one."""
    every = context.interim.every if context.interim is not None else 0
    if every and event.epoch % every == 0 and event.epoch < fit.epochs and event.member in fit.members:
        values = interim_scores(trial, fit.encoder(event.member), data, context)
        if values:
            context.tracker.record(trial, event.epoch, values)
            yield EpochValues(trial.key, event.epoch, values)


def stop_requests(fit: Fit, trials: Sequence[Trial], context: RunContext) -> dict[int, StopRequest]:
    """Member → its stop request, of the members that have one."""
    found = {member: context.stop_request(trials[member].key) for member in fit.members}
    return {member: request for member, request in found.items() if request is not None}


def fit_of(group: Sequence[Started], data: Data, context: RunContext) -> Fit:
    configs = [trial.config for trial, _ in group]
    return Fit(
        methods=[build(METHODS[config.method], config.settings) for config in configs],
        recipes=[recipe_of(config) for config in configs],
        seeds=[config.seed for config in configs],
        data=training_set(data, recipe_of(configs[0]).samples),
        device=context.device,
        resume=[saved for _, saved in group],
        pretrained=[pretrained_encoder(config.first, context.paths) for config in configs if config.first is not None],
        validation=validation_set(data, recipe_of(configs[0])),
    )


def recipe_of(config: Config) -> Recipe:
    settings: dict[str, Any] = dict(config.training)
    return Recipe(**settings)


def training_set(data: Data, samples: int) -> TrainingSet:
    """The samples that training sees: all of them, or a class-balanced subset of so many (0: no limit)."""
    rows = training_rows(data.seen, data.y, samples)
    whole = len(rows) == len(data.x)
    return TrainingSet(data.x if whole else data.x[rows], data.y if whole else data.y[rows], data.scale)


def validation_set(data: Data, recipe: Recipe) -> TrainingSet | None:
    """The samples that training leaves out, for a recipe that keeps the encoder with the least loss on them."""
    if recipe.kept != "best":
        return None
    rows = validation_rows(data.seen, data.y, recipe.samples)
    return TrainingSet(data.x[rows], data.y[rows], data.scale)


def pretrained_encoder(pretraining: Config, paths: StudyPaths) -> Mapping[str, Tensor]:
    """The encoder of a pretraining trial.  Raises TrialError where it was not trained, or its file is damaged."""
    path, whose = paths.pretrained(pretraining.key), f"({pretraining.method}, trial {pretraining.key})"
    try:
        return list(load_trained(path, pretraining.key).values())[-1].tensors
    except FileNotFoundError:
        problem = f"the pretraining trial {whose} has no encoder"
        raise TrialError(problem, "see why it failed, then run it again: ablate retry", str(path)) from None
    except DamagedFile as error:
        problem = f"the encoder of the pretraining trial {whose} cannot be used: {error.problem}; {set_aside(path)}"
        raise TrialError(problem, "get it anew by: ablate retry", str(path)) from error


def save_checkpoints(fit: Fit, trials: Sequence[Trial], context: RunContext) -> None:
    """Write a checkpoint of every member that still trains."""
    for member in fit.checked_members:
        trial = trials[member]
        recorded = context.tracker.sync(trial)
        checkpoint.save(context.paths.trial(trial.key).checkpoint, fit.checkpoint(member), trial.key, recorded)


def save_trained(trial: Trial, epochs: Mapping[int, Mapping[str, Tensor]], context: RunContext) -> None:
    """Save the encoder in the trial's folder, and once more for the trials that start from it."""
    recorded = context.tracker.sync(trial)
    if trial.key in context.pretraining:
        context.paths.pretrained_folder.mkdir(exist_ok=True)
        save_encoders(context.paths.pretrained(trial.key), trial.config, epochs)
    save_encoders(context.paths.trial(trial.key).encoder, trial.config, epochs, recorded)


def close(trial: Trial, ended: Ended, context: RunContext) -> None:
    """Attach the trial's files and finish its record; one that was stopped or paused stays open."""
    paths = context.paths.trial(trial.key)
    paths.stop.unlink(missing_ok=True)
    if not ended.state.ended:
        return
    if ended.reason:
        log_line(paths, ended.reason)
    attached = [file for file in (paths.encoder, paths.log, paths.traceback) if file.exists()]
    for file in attached:
        context.tracker.attach(trial, file)
    stored = [*attached, *paths.folder.glob("*.png"), *paths.folder.glob("*.npz")]
    context.tracker.record_usage(trial, {ARTIFACT_MEGABYTES: sum(file.stat().st_size for file in stored) / 1e6})
    context.tracker.finish(trial, ended.state, ended.reason, dict(ended.failed_probes))


def read_trials(arguments: Sequence[str]) -> list[Trial]:
    """The trials of the JSON file that is the one argument.  Raises StudyError, or OSError where it cannot be read."""
    if len(arguments) != 1:
        raise StudyError("one file of trials is needed", "python -m ablate.run trials.json", "python -m ablate.run")
    text = Path(arguments[0]).read_text(encoding="utf-8", errors="replace")
    try:
        trials = [Trial.from_json(content) for content in json.loads(text)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        problem = f"this is not a list of trials in JSON: {type(error).__name__}: {error}"
        raise StudyError(problem, "write it anew", arguments[0]) from None
    if not trials:
        raise StudyError("the list of trials is empty", "write it anew", arguments[0])
    return trials


def main() -> int:
    """Run the trials of a JSON file and return the exit code; an error that its user can mend is one line."""
    try:
        return run_trials(with_pretraining(read_trials(sys.argv[1:])))
    except Exception as error:
        known = error if isinstance(error, AblateError) else from_system(error)
        if known is None:
            raise
        print(f"ablate: {known}", file=sys.stderr)
        return known.exit_code


def run_trials(trials: Sequence[Trial]) -> int:
    """Run trials of one study pack by pack, pretraining trials first; 1 if one of them, or a probe, failed.

    Every end of a trial is printed to standard output as a line of JSON, progress to standard error every ten seconds.
    """
    store = default_store()
    paths = store.study(trials[0].study)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    failed = False
    printed = time.monotonic()
    with SpoolTracker(paths) as tracker:
        context = RunContext(paths, store.tensors, tracker, device, pretraining=pretraining_keys(trials))
        packs = make_packs(trials, "auto", device.type != "cpu")
        for update in (update for members in packs for update in run_pack(members, context)):
            if isinstance(update, Ended):
                failed = failed or update.state.failed or bool(update.failed_probes)
                print(json.dumps(to_plain(update)), flush=True)
            elif isinstance(update, Progress) and time.monotonic() - printed > 10:
                printed = time.monotonic()
                print(json.dumps(to_plain(update)), file=sys.stderr, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

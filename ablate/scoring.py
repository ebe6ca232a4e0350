"""Scores a trained trial by its probes, one after the other, and draws its pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ablate.data.dataset import Data
from ablate.deferred import np
from ablate.draw.trial_pictures import trial_pictures
from ablate.embedding import embed_splits
from ablate.encoder import Encoder, load_trained
from ablate.events import Activity, Ended, Progress, State, TrialUpdate
from ablate.launch_config import INTERIM
from ablate.methods import METHODS
from ablate.methods.method import Tensors
from ablate.options import build
from ablate.planning.probe_digests import probe_digests
from ablate.probes import PROBES
from ablate.probes.probe import Embedded, check_finite_features, score_all
from ablate.run_context import RunContext, reason_of, write_traceback
from ablate.track.spool import history, recorded_scores
from ablate.track.trial_log import log_line
from ablate.training_faults import collapsed, diverged, exploded, spread, warnings_of
from ablate.trial import Trial


def score(trial: Trial, data: Data, context: RunContext) -> Iterator[TrialUpdate]:
    """Score the trial's encoders by its probes and draw its pictures; after a stop request the next launch goes on.

    Scores are recorded as each probe ends, and those that are in the trial's spool are not measured again.  A probe
    that fails leaves the trial finished, without that probe's scores.  Raises TrialError for features that are not
    finite.
    """
    paths = context.paths.trial(trial.key)
    encoders = load_trained(paths.encoder, trial.key)
    views = [embed_splits(encoder.to(context.device), data) for encoder in encoders.values()]
    for view in views if trial.probes else ():
        check_finite_features(view)
    epoch, digests = max(encoders), probe_digests(trial)
    measured = record_training(trial, epoch, views[-1], context)
    recorded = recorded_scores(paths.spool, epoch, digests)
    scores: dict[str, float] = {}
    failed: dict[str, str] = {}  # probe → reason
    for name in trial.probes:
        yield Progress((trial.key,), 0, 1.0, Activity.SCORING)
        request = context.stop_request(trial.key)
        if request is not None and request.state is State.STOPPED:  # pruning comes too late for a trained trial
            yield Ended(trial.key, State.STOPPED, request.reason)
            return
        if name in recorded:
            scores |= recorded[name]
        else:
            metrics = apply_probe(trial, name, views, failed, context)
            context.tracker.record(trial, epoch, metrics, name, digests[name])
            scores |= metrics
    scored = replace(trial, probes={name: trial.probes[name] for name in trial.probes if name not in failed})
    for picture in trial_pictures(scored, views[-1], paths.folder):
        context.tracker.attach(trial, picture)
    yield Ended(trial.key, State.FINISHED, metrics={**measured, **scores}, failed_probes=failed)


def record_training(trial: Trial, epoch: int, view: Embedded, context: RunContext) -> dict[str, float]:
    """Record the spread of the embeddings and the faults of training → these metrics, and training's last values.

    The trial's log has a warning for each fault.
    """
    curves = history(context.paths.trial(trial.key).spool)
    losses = {name: [value for _, value in curve] for name, curve in curves.items() if name.startswith("train/")}
    metrics = training_metrics(trial, view, losses.get("train/loss", ()))
    context.tracker.record(trial, epoch, metrics)
    for warning in warnings_of(metrics):
        log_line(context.paths.trial(trial.key), f"warning: {warning}")
    return {**{name: values[-1] for name, values in losses.items()}, **metrics}


def training_metrics(trial: Trial, view: Embedded, losses: Sequence[float]) -> dict[str, float]:
    """The spread of the embeddings; of a trained encoder, whether it has collapsed and whether its loss has diverged.

    `losses` has the loss of every epoch from the first on; none where another launch recorded them.
    """
    method, x = METHODS[trial.config.method], view.evaluation.x
    metrics = spread(x) if np.isfinite(x).all() else {}  # trials without probes may have others
    if method.objectives:
        metrics |= collapsed(metrics, x.shape[1])
    faults = diverged(losses) if method.comparable_loss else {}
    return metrics | faults | (exploded(metrics) if method.objectives else {})


def apply_probe(
    trial: Trial, name: str, views: Sequence[Embedded], failed: dict[str, str], context: RunContext
) -> dict[str, float]:
    """The metrics of one probe; none where it fails, and then the reason is added to `failed`.  Both are logged."""
    paths = context.paths.trial(trial.key)
    try:
        metrics = probe_scores(trial, name, views, context)
    except Exception as error:  # whatever it is, the other probes' scores are kept
        failed[name] = reason_of(error)
        write_traceback(paths, f"The probe {name} failed:")
        log_line(paths, f"the probe {name} failed: {failed[name]}")
        return {}
    log_line(paths, "  ".join(f"{metric} {value:.5g}" for metric, value in metrics.items()))
    return metrics


def probe_scores(trial: Trial, name: str, views: Sequence[Embedded], context: RunContext) -> dict[str, float]:
    """The metrics of one probe, by their full names."""
    probe = build(PROBES[name], trial.probes[name])
    reporting = [replace(view, report_progress=share_logger(trial, name, context)) for view in views]
    training: Mapping[str, Any] = trial.config.training
    return score_all({name: probe}, reporting, trial.config.seed, training.get("snapshots"))


def interim_scores(trial: Trial, tensors: Tensors, data: Data, context: RunContext) -> dict[str, float]:
    """The metrics of the probe that scores between epochs, as `interim/knn/accuracy`; none where it fails.

    `tensors` are what the method exports of a member that still trains.
    """
    interim, paths = context.interim, context.paths.trial(trial.key)
    assert interim is not None
    try:
        view = embed_splits(Encoder(trial.config, tensors).to(context.device), data)
        scored = score_all({interim.name: build(PROBES[interim.name], interim.settings)}, [view], trial.config.seed)
    except Exception as error:  # whatever it is, training goes on, and the pruner has no value of this epoch
        write_traceback(paths, f"The probe {interim.name} failed between epochs:")
        log_line(paths, f"the probe {interim.name} failed between epochs: {reason_of(error)}")
        return {}
    values = {f"{INTERIM}{name}": value for name, value in scored.items()}
    log_line(paths, "  ".join(f"{name} {value:.5g}" for name, value in values.items()))
    return values


def share_logger(trial: Trial, probe: str, context: RunContext) -> Callable[[float], None]:
    """A function that writes the share of a probe's work that is done into the trial's log, every ten seconds."""
    logged = time.monotonic()

    def log_share(share: float) -> None:
        nonlocal logged
        if time.monotonic() - logged > 10:
            logged = time.monotonic()
            log_line(context.paths.trial(trial.key), f"{probe}: {share:.0%} done")

    return log_share

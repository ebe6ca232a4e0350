"""Tags and metric names of an MLflow run: how a trial is written into them and read back."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from ablate.codec import to_plain
from ablate.events import ProbeFailure
from ablate.track.entities import UsedData
from ablate.track.spool_records import SpoolStart
from ablate.trial import Trial, digest

ENVIRONMENT = ("git", "versions", "device", "host", "pack")  # tags `ablate.…` of a trial
KIND, STUDY, VARIANT, KEY, SEED = "ablate.kind", "ablate.study", "ablate.variant", "ablate.key", "ablate.seed"
IDENTITY = frozenset((KIND, STUDY, VARIANT, KEY, SEED))
STATE, REASON, PROBE, NAME = "ablate.state", "ablate.reason", "ablate.probe.", "ablate.name."
FAILED_PROBE = "ablate.failed_probe."  # + name: digest and reason as JSON; empty once the probe has scored the trial
TRIAL, FORMER_TRIAL = "ablate.trial", "ablate.job"  # version 0.1 wrote the latter
INTERVAL = "ablate.interval."  # of a variant, + metric: the interval and the deviation of its scores
AGGREGATE = "ablate.aggregate"  # of a variant: the trials and scores that its metrics summarize
LAUNCH, OWNER, HEARTBEAT = "ablate.launch", "ablate.owner", "ablate.heartbeat"  # of a study
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
SHAPE = "ablate.shape"  # of a trial: finds others that take as long
TAG_LIMIT, PARAM_LIMIT, NAME_LIMIT = 8000, 6000, 200  # characters; MLflow cuts longer values without an error

T = TypeVar("T")


def metric_name(original: str) -> str:
    """The name under which MLflow accepts a metric: the same, or a legal one that ends in the original's digest."""
    legal = re.sub(r"[^A-Za-z0-9_.\-/ :]", "_", original)
    parts = [part for part in legal.split("/") if part.strip(".")]
    legal = "/".join(parts).lstrip(".")[:NAME_LIMIT]
    return legal if legal == original else f"{legal}-{digest(original, 6)}"


def name_tags(originals: Iterable[str]) -> dict[str, str]:
    """Tags that hold the original names of the metrics that MLflow has under another name."""
    return {f"{NAME}{metric_name(name)}": name for name in sorted(originals) if metric_name(name) != name}


def original_names(tags: Mapping[str, str]) -> dict[str, str]:
    """MLflow's metric name → the original, where they differ."""
    return without_prefix(NAME, tags)


def without_prefix(prefix: str, tags: Mapping[str, T]) -> dict[str, T]:
    """The tags, or metrics, whose names begin with a prefix, by what follows it."""
    return {name.removeprefix(prefix): value for name, value in tags.items() if name.startswith(prefix)}


def failed_probe_tags(failures: Mapping[str, ProbeFailure]) -> dict[str, str]:
    """Tags that hold why probes (by name) have no scores."""
    cut = {name: replace(failure, reason=failure.reason[: TAG_LIMIT // 2]) for name, failure in failures.items()}
    return {f"{FAILED_PROBE}{name}": json.dumps(to_plain(failure)) for name, failure in cut.items()}


def failed_probes_of(tags: Mapping[str, str]) -> dict[str, ProbeFailure]:
    """Probe → its failure, of those that the tags name; a tag that is no failure's is left out."""
    found = {}
    for name, text in without_prefix(FAILED_PROBE, tags).items():
        with suppress(ValueError, TypeError):
            found[name] = ProbeFailure(**json.loads(text))
    return found


def trial_tags(trial: Trial, start: SpoolStart) -> dict[str, str]:
    """All that the start record of a spool holds, except the probes."""
    environment = {f"ablate.{name}": str(value)[:TAG_LIMIT] for name, value in start.environment.items()}
    parent = {PARENT: start.parent} if start.parent else {}
    return {
        **identity(trial),
        SHAPE: trial.shape,
        "mlflow.source.name": f"ablate launch {trial.study}",
        "mlflow.source.type": "LOCAL",
        **environment,
        **parent,
        **trial_json_tags(trial),
    }


def missing_identity(held: Mapping[str, str], trial: Trial) -> dict[str, str]:
    """The tags by which a trial's run is found, unless it holds all of them: they take two hashes of the trial."""
    return {} if held.keys() >= IDENTITY else identity(trial)


def identity(trial: Trial) -> dict[str, str]:
    """The tags by which a trial's run is found."""
    return {
        KIND: "trial",
        STUDY: trial.study,
        VARIANT: trial.variant,
        KEY: trial.key,
        SEED: str(trial.config.seed),
    }


def trial_json_tags(trial: Trial) -> dict[str, str]:
    """The trial as JSON, over as many tags as it takes."""
    text = json.dumps(trial.to_json(), separators=(",", ":"))
    pieces = [text[at : at + TAG_LIMIT] for at in range(0, len(text), TAG_LIMIT)]
    return {TRIAL if number == 0 else f"{TRIAL}.{number}": piece for number, piece in enumerate(pieces)}


def trial_of_tags(tags: Mapping[str, str]) -> Trial | None:
    """The trial that the tags hold; None where they hold none that this version can read."""
    name = TRIAL if TRIAL in tags else FORMER_TRIAL
    pieces = [tags.get(name, "")]
    while (piece := tags.get(f"{name}.{len(pieces)}")) is not None:
        pieces.append(piece)
    try:
        content, _ = json.JSONDecoder().raw_decode("".join(pieces))  # a longer trial before may have left a piece
        return Trial.from_json(content)
    except (ValueError, TypeError, KeyError):
        return None


def used_data(trial: Trial) -> UsedData:
    """The data set that a trial was trained on; its digest is of version and content."""
    config = trial.config
    samples = config.training.get("samples")
    content = digest([config.dataset, config.version, config.data])
    return UsedData(config.dataset, content, samples=samples if isinstance(samples, int) else 0)

"""How a trial is written into the tags and params of an MLflow run, and read back."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ablate.spec.trial import Job, digest

KIND, STUDY, VARIANT, KEY, SEED = "ablate.kind", "ablate.study", "ablate.variant", "ablate.key", "ablate.seed"
JOB, REASON, PROBE, NAME = "ablate.job", "ablate.reason", "ablate.probe.", "ablate.name."
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
TAG_LIMIT, PARAM_LIMIT, NAME_LIMIT = 8000, 6000, 200  # characters; MLflow cuts longer values without an error


def metric_name(original: str) -> str:
    """The name under which MLflow takes a metric: the same, or a legal one that ends in the original's digest."""
    legal = re.sub(r"[^A-Za-z0-9_.\-/ :]", "_", original)
    parts = [part for part in legal.split("/") if part.strip(".")]
    legal = "/".join(parts).lstrip(".")[:NAME_LIMIT]
    return legal if legal == original else f"{legal}-{digest(original, 6)}"


def name_tags(originals: set[str]) -> dict[str, str]:
    """Tags that give renamed metrics their names back."""
    return {f"{NAME}{metric_name(name)}": name for name in sorted(originals) if metric_name(name) != name}


def original_names(tags: Mapping[str, str]) -> dict[str, str]:
    """MLflow's metric name → the original, where they differ."""
    return below(NAME, tags)


def below(prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tags.items() if name.startswith(prefix)}


def trial_tags(job: Job, start: Mapping[str, Any]) -> dict[str, str]:
    """All that a spool's start record says of a trial, but for its scores."""
    facts = {f"ablate.{name}": str(value)[:TAG_LIMIT] for name, value in start["facts"].items()}
    parent = {PARENT: start["parent"]} if start["parent"] else {}
    return {
        KIND: "trial",
        STUDY: job.study,
        VARIANT: job.variant,
        KEY: job.key,
        SEED: str(job.trial.seed),
        "mlflow.source.name": f"ablate launch {job.study}",
        "mlflow.source.type": "LOCAL",
        **facts,
        **parent,
        **job_tags(job),
    }


def job_tags(job: Job) -> dict[str, str]:
    """The job as JSON, over as many tags as it takes."""
    text = json.dumps(job.to_json(), separators=(",", ":"))
    pieces = [text[at : at + TAG_LIMIT] for at in range(0, len(text), TAG_LIMIT)]
    return {JOB if number == 0 else f"{JOB}.{number}": piece for number, piece in enumerate(pieces)}


def job_of(tags: Mapping[str, str]) -> Job | None:
    """The job that the tags hold; None for a run that none or another version wrote."""
    pieces = [tags.get(JOB, "")]
    while (piece := tags.get(f"{JOB}.{len(pieces)}")) is not None:
        pieces.append(piece)
    try:
        return Job.from_json(json.loads("".join(pieces)))
    except (ValueError, TypeError, KeyError):
        return None


def params_of(job: Job, seeded: bool = True) -> dict[str, str]:
    """The columns that people compare: the levels first, then what every trial has."""
    trial = job.trial
    always = {"method": trial.method, "dataset": trial.dataset, **({"seed": trial.seed} if seeded else {})}
    training = {f"training.{name}": trial.training[name] for name in ("epochs", "batch_size") if name in trial.training}
    every = {**job.levels, **{name: value for name, value in (always | training).items() if name not in job.levels}}
    return {metric_name(name): str(value)[:PARAM_LIMIT] for name, value in every.items()}

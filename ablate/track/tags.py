"""How a trial is written into the tags and params of an MLflow run, and read back."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ablate.trial import Trial, digest

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


def trial_tags(trial: Trial, start: Mapping[str, Any]) -> dict[str, str]:
    """All that a spool's start record says of a trial, but for its scores."""
    facts = {f"ablate.{name}": str(value)[:TAG_LIMIT] for name, value in start["facts"].items()}
    parent = {PARENT: start["parent"]} if start["parent"] else {}
    return {
        KIND: "trial",
        STUDY: trial.study,
        VARIANT: trial.variant,
        KEY: trial.key,
        SEED: str(trial.config.seed),
        "mlflow.source.name": f"ablate launch {trial.study}",
        "mlflow.source.type": "LOCAL",
        **facts,
        **parent,
        **trial_json_tags(trial),
    }


def trial_json_tags(trial: Trial) -> dict[str, str]:
    """The job as JSON, over as many tags as it takes."""
    text = json.dumps(trial.to_json(), separators=(",", ":"))
    pieces = [text[at : at + TAG_LIMIT] for at in range(0, len(text), TAG_LIMIT)]
    return {JOB if number == 0 else f"{JOB}.{number}": piece for number, piece in enumerate(pieces)}


def trial_of_tags(tags: Mapping[str, str]) -> Trial | None:
    """The job that the tags hold; None for a run that none or another version wrote."""
    pieces = [tags.get(JOB, "")]
    while (piece := tags.get(f"{JOB}.{len(pieces)}")) is not None:
        pieces.append(piece)
    try:
        return Trial.from_json(json.loads("".join(pieces)))
    except (ValueError, TypeError, KeyError):
        return None


def params_of(trial: Trial, seeded: bool = True) -> dict[str, str]:
    """The columns that people compare: the levels first, then what every trial has."""
    config = trial.config
    always = {"method": config.method, "dataset": config.dataset, **({"seed": config.seed} if seeded else {})}
    training = {
        f"training.{name}": config.training[name] for name in ("epochs", "batch_size") if name in config.training
    }
    every = {**trial.levels, **{name: value for name, value in (always | training).items() if name not in trial.levels}}
    return {metric_name(name): str(value)[:PARAM_LIMIT] for name, value in every.items()}

"""What the conductor and the driver say to each other: JSON, a line each."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ablate.track.spool import RunRef
from ablate.trial import Trial


@dataclass(frozen=True)
class LaunchConfig:
    """What a conductor has to bring to its end."""

    store: str
    uri: str  # of the MLflow server
    study: str  # the file of the resolved study
    packs: tuple[tuple[Trial, ...], ...]
    run_refs: Mapping[str, RunRef]  # key → the trial's place in MLflow
    values: Mapping[str, float | None]  # key → the objective of trials that ended before; None where they failed
    checkpoint_every: float = 60.0  # seconds

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "LaunchConfig":
        content = json.loads(text)
        packs = tuple(tuple(Trial.from_json(trial) for trial in pack) for pack in content["packs"])
        run_refs = {key: RunRef(**run_ref) for key, run_ref in content["run_refs"].items()}
        return cls(**{**content, "packs": packs, "run_refs": run_refs})


@dataclass(frozen=True)
class Message:
    """What the conductor tells: `kind` is ready, alive, proposed, progress, outcome, refused or over."""

    kind: str
    description: Mapping[str, Any] = field(default_factory=dict)

    def to_line(self) -> str:
        return json.dumps({"kind": self.kind, "description": self.description}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Message":
        return cls(**json.loads(line))

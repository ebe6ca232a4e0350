"""What the conductor and the driver say to each other: JSON, a line each."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ablate.spec.trial import Job
from ablate.track.spool import Link


@dataclass(frozen=True)
class Orders:
    """What a conductor has to bring to its end."""

    store: str
    uri: str  # of the MLflow server
    study: str  # the file of the resolved study
    packs: tuple[tuple[Job, ...], ...]
    links: Mapping[str, Link]  # key → the trial's place in MLflow
    values: Mapping[str, float | None]  # key → the objective of trials that ended before; None where they failed
    checkpoint_every: float = 60.0  # seconds

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Orders":
        content = json.loads(text)
        packs = tuple(tuple(Job.from_json(job) for job in pack) for pack in content["packs"])
        links = {key: Link(**link) for key, link in content["links"].items()}
        return cls(**{**content, "packs": packs, "links": links})


@dataclass(frozen=True)
class Message:
    """What the conductor tells: `kind` is ready, alive, proposed, progress, outcome, refused or over."""

    kind: str
    says: Mapping[str, Any] = field(default_factory=dict)

    def to_line(self) -> str:
        return json.dumps({"kind": self.kind, "says": self.says}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Message":
        return cls(**json.loads(line))

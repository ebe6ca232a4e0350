"""The records of a trial's spool, and their lines of JSON, each of which ends in its digest."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from ablate.codec import Codec
from ablate.events import ProbeFailure, State
from ablate.trial import Trial


@dataclass(frozen=True)
class SpoolStart:
    """A process has begun the trial, or continues it."""

    time: int  # milliseconds since 1970
    trial: Trial
    environment: Mapping[str, str] = field(default_factory=dict)  # name → value: git commit, versions, device, host
    parent: str = ""  # as in RunRef, like what follows
    run_id: str = ""
    may_exist: bool = True
    probes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what the codec writes, or what version 0.1 wrote, which had other names for three fields."""
        former = {"job": "trial", "facts": "environment", "known": "may_exist"}
        content = {former.get(name, name): value for name, value in content.items()}
        return cls(**{**content, "trial": Trial.from_json(content["trial"])})


@dataclass(frozen=True)
class SpoolMetrics:
    """Values of metrics at an epoch."""

    time: int
    step: int  # the epoch
    values: Mapping[str, float]  # metric's full name → value
    probe: str = ""  # whose scores these are; empty: values of training
    probe_digest: str = ""  # of the probe's revision and settings


@dataclass(frozen=True)
class SpoolArtifact:
    """A file of the trial's folder is to be uploaded, as it is when it is sent."""

    time: int
    file: str  # relative to the trial's folder
    folder: str = ""  # of the run's artifacts


@dataclass(frozen=True)
class SpoolFinish:
    """The trial has ended, or its process has stopped working on it."""

    time: int
    state: State
    reason: str = ""
    probes: Mapping[str, str] = field(default_factory=dict)  # as in the start record, without those that failed
    failed_probes: Mapping[str, ProbeFailure] = field(default_factory=dict)  # by name

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what the codec writes, or what version 0.1 wrote: `status` in capital letters instead of `state`."""
        content = {"state" if name == "status" else name: value for name, value in content.items()}
        failed = {name: ProbeFailure(**one) for name, one in content.get("failed_probes", {}).items()}
        return cls(**{**content, "state": State(content["state"].lower()), "failed_probes": failed})


SpoolRecord = SpoolStart | SpoolMetrics | SpoolArtifact | SpoolFinish

CODEC: Codec[SpoolRecord] = Codec(
    {"start": SpoolStart, "metrics": SpoolMetrics, "artifact": SpoolArtifact, "finish": SpoolFinish}, version=1
)


DIGEST = re.compile(rb', "sha256": "([0-9a-f]{16})"\}\s*$')  # at the end of a line


def to_line(record: SpoolRecord) -> bytes:
    """The record as a line of JSON, with its digest and its line break."""
    text = CODEC.encode(record).encode()
    return text[:-1] + f', "sha256": "{line_digest(text)}"}}\n'.encode()


def from_line(line: bytes) -> SpoolRecord | None:
    """The record of a line; None for a line that is damaged.  Lines of version 0.1 have no digest."""
    written = DIGEST.search(line)
    text = line[: written.start()] + b"}" if written else line
    if written and written[1].decode() != line_digest(text):
        return None
    with suppress(ValueError):
        return CODEC.decode(text)
    return None


def line_digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]

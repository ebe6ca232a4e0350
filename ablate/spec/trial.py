"""One trial: all that decides its result, and what is wanted of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from ablate.settings import Value


def digest(content: Any, length: int = 16) -> str:
    """A short hash of JSON-able content that does not depend on the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True)
class Trial:
    """A variant with one seed; two trials with equal fields have the same result, so they share a key."""

    method: str
    revision: str  # as the method declares it: raised when its results change
    settings: Mapping[str, Value]  # of the method, after defaults
    dataset: str
    version: str  # of the data set: raised when its preprocessing changes
    training: Mapping[str, Value]  # the recipe, after defaults
    seed: int
    first: "Trial | None" = None  # the trial whose encoder this one starts from

    @property
    def key(self) -> str:
        return digest(self.to_json())

    @property
    def setting(self) -> str:
        """The identity of the trial without its seed."""
        return digest(self.seeded(0).to_json() | {"seed": None})

    def seeded(self, seed: int) -> "Trial":
        """The same with another seed, which its first phase shares."""
        return replace(self, seed=seed, first=self.first.seeded(seed) if self.first else None)

    def to_json(self) -> dict[str, Any]:
        content = {**asdict(self), "first": self.first.to_json() if self.first else None}
        return content if self.first else {name: value for name, value in content.items() if name != "first"}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        first = content.get("first")
        return cls(**{**content, "first": cls.from_json(first) if first else None})


@dataclass(frozen=True)
class Job:
    """A trial of a study: what to train, how to score it, and how people will know it."""

    trial: Trial
    probes: Mapping[str, Mapping[str, Value]]  # name → settings, after defaults
    study: str
    levels: Mapping[str, Value] = field(default_factory=dict)  # axis path → level; what a person compares
    case: str = ""  # what tells its case from the study's others

    @property
    def key(self) -> str:
        return self.trial.key

    @property
    def variant(self) -> str:
        """The identity of the variant: the trial without its seed."""
        return self.trial.setting

    @property
    def variant_name(self) -> str:
        """`epsilon=2, k=100`, or the data set and method where nothing varies."""
        words = [f"{short(path)}={brief(level)}" for path, level in self.levels.items()]
        shown = ", ".join([self.case, *words] if self.case else words)
        return shown or f"{self.trial.method} on {self.trial.dataset}"

    @property
    def name(self) -> str:
        """`epsilon=2 · seed 0`"""
        return f"{self.variant_name} · seed {self.trial.seed}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "trial": self.trial.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        return cls(**{**content, "trial": Trial.from_json(content["trial"])})


def brief(level: Value) -> str:
    """A level as a name can bear it: proposals of a search have seventeen digits."""
    return f"{level:.4g}" if isinstance(level, float) and len(str(level)) > 8 else str(level)


def short(path: str) -> str:
    """The last word of a dotted path: `method.epsilon` → `epsilon`."""
    return path.rpartition(".")[2]

"""A trial, and the config that decides its result and makes its key."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self

from ablate.options import Value, hashed

TRAINING = "training."  # before the recipe's settings in `Config.key_names`

ABSENT = "absent"  # the data of a config that is made while the user's own files are missing


def digest(content: Any, length: int = 16) -> str:
    """The first hexadecimal digits of the SHA-256 of JSON-able content; the order of keys does not matter."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True)
class Config:
    """Everything that decides a trial's result: two equal configs give equal results, so they share a key.

    The key hashes the names of these fields and of the settings, so a field is never renamed; a setting that was
    renamed is hashed under its former name, and one that was added later only where it changes the result
    (`ablate.options.option`): `key_names` holds both.
    """

    method: str
    revision: str  # as the method declares it: raised when its results change
    settings: Mapping[str, Value]  # of the method, after defaults
    dataset: str
    version: str  # of the data set: raised when its preprocessing changes
    training: Mapping[str, Value]  # the recipe, after defaults
    seed: int
    first: "Config | None" = None  # the pretraining trial whose encoder this one starts from
    # setting, or `training.` and its name → the name under which the key hashes it; '': it is not hashed
    key_names: Mapping[str, str] = field(default_factory=dict)
    data: str = ""  # digest of the data that are read, or ABSENT; empty for the content that the version stands for

    @cached_property
    def key(self) -> str:
        return digest(self._hashed())

    @cached_property
    def variant_key(self) -> str:
        """The key of the variant: of the config without its seed."""
        return digest(self.seeded(0)._hashed() | {"seed": None})

    def seeded(self, seed: int) -> "Config":
        """The same config with another seed, in its pretraining too."""
        return replace(self, seed=seed, first=self.first.seeded(seed) if self.first else None)

    def on_data(self, data: str) -> "Config":
        """The same config on other data, in its pretraining too."""
        return replace(self, data=data, first=self.first.on_data(data) if self.first else None)

    def _hashed(self) -> dict[str, Any]:
        """What the key is the hash of."""
        of_training = {
            name.removeprefix(TRAINING): key_name
            for name, key_name in self.key_names.items()
            if name.startswith(TRAINING)
        }
        sections = {"settings": hashed(self.settings, self.key_names), "training": hashed(self.training, of_training)}
        first = {"first": self.first._hashed()} if self.first else {}
        data = {"data": self.data} if self.data else {}
        apart = ("first", "key_names", "data")
        content = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in apart}
        return {**content, **sections, **data, **first}

    def to_json(self) -> dict[str, Any]:
        content = {**asdict(self), "first": self.first.to_json() if self.first else None}
        return {name: value for name, value in content.items() if name not in ("first", "key_names", "data") or value}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        first = content.get("first")
        return cls(**{**content, "first": cls.from_json(first) if first else None})


@dataclass(frozen=True)
class Trial:
    """One variant of a study with one seed: what is trained, how it is scored, and how it is shown."""

    config: Config
    probes: Mapping[str, Mapping[str, Value]]  # name → settings, after defaults
    study: str
    levels: Mapping[str, Value] = field(default_factory=dict)  # axis path → level
    case: str = ""  # label of its case where the study has several

    @property
    def key(self) -> str:
        return self.config.key

    @property
    def variant(self) -> str:
        """The key of the variant: of the config without its seed."""
        return self.config.variant_key

    @property
    def shape(self) -> str:
        """A digest of what decides how long an epoch and the scoring take: all but seed, epochs and float settings."""
        config = self.config
        training = {name: value for name, value in config.training.items() if name != "epochs"}
        method = (config.method, config.revision, without_floats(config.settings))
        data = (config.dataset, config.version, config.data)
        return digest([*method, *data, without_floats(training), self.probes])

    @property
    def variant_name(self) -> str:
        """`epsilon=2, k=100`, or the data set and method where nothing varies."""
        return self._variant_named(plain(path, level) for path, level in self.levels.items())

    @property
    def name(self) -> str:
        """`epsilon=2 · seed 0`"""
        return f"{self.variant_name} · seed {self.config.seed}"

    def named(self, levels: Iterable[str]) -> str:
        """The name with the levels written in these words."""
        return f"{self._variant_named(levels)} · seed {self.config.seed}"

    def _variant_named(self, levels: Iterable[str]) -> str:
        shown = ", ".join([self.case, *levels] if self.case else levels)
        return shown or f"{self.config.method} on {self.config.dataset}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "config": self.config.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gives, or what version 0.1 wrote, where the config was called `trial`."""
        content = {"config" if name == "trial" else name: value for name, value in content.items()}
        return cls(**{**content, "config": Config.from_json(content["config"])})


def without_floats(settings: Mapping[str, Value]) -> dict[str, Value]:
    """The settings, with the same word for every float."""
    return {name: "a float" if isinstance(value, float) else value for name, value in settings.items()}


def plain(path: str, level: Value) -> str:
    """`epsilon=2`: a level of an axis as names of trials have it."""
    return f"{short(path)}={brief(level)}"


def brief(level: Value) -> str:
    """A level as text; floats with many digits, such as a search proposes, are rounded to four."""
    return f"{level:.4g}" if isinstance(level, float) and len(str(level)) > 8 else str(level)


def short(path: str) -> str:
    """The last word of a dotted path: `method.epsilon` → `epsilon`."""
    return path.rpartition(".")[2]

"""JSON for frozen dataclasses: what crosses a process or a file is one line that names its type and its version."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar

M = TypeVar("M")
T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A value as JSON holds it: dataclasses and mappings become objects, tuples lists, enums their values."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Any, content: Any) -> Any:
    """The value of a type that `to_plain` wrote.  Raises TypeError, KeyError or ValueError for anything else."""
    if hasattr(kind, "from_json"):
        return kind.from_json(content)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        kinds = [one for one in arguments if one is not type(None)]
        return from_plain(kinds[0], content) if len(kinds) == 1 and content is not None else content
    if origin in (tuple, list, frozenset, set):
        return origin(from_plain(arguments[0], item) for item in content)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: from_plain(arguments[1], item) for name, item in content.items()}
    if dataclasses.is_dataclass(kind):
        return _instance(kind, content)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(content)
    return content


def _instance(kind: Any, content: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    return kind(**{name: from_plain(hints[name], item) for name, item in content.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


class Codec(Generic[M]):
    """Writes and reads the messages of one channel, a line of JSON each."""

    def __init__(self, kinds: Mapping[str, type[M]], version: int) -> None:
        """`kinds` maps the name of a message in its lines to its type."""
        self.kinds = dict(kinds)
        self.names = {kind: name for name, kind in kinds.items()}
        self.version = version

    def encode(self, message: M) -> str:
        """The message as a line, without its line break."""
        head = {"kind": self.names[type(message)], "version": self.version}
        return json.dumps({**head, **to_plain(message)})

    def decode(self, line: str | bytes) -> M:
        """The message of a line.  Raises ValueError for a line of another channel or version."""
        try:
            content = dict(json.loads(line))
            kind, version = content.pop("kind"), content.pop("version", 1)
            if version != self.version:
                raise ValueError(f"the message has version {version}, and this program reads {self.version}")
            message: M = from_plain(self.kinds[kind], content)
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no message of a known kind: {line[:200]!r}") from error
        return message

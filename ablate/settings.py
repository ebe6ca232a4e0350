"""Settings: the typed fields of methods, training and probes, each with its default, meaning and range."""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Value = bool | int | float | str | None


def setting(
    default: Any,
    says: str,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> Any:
    """A dataclass field that knows what it means (the paper's symbol and equation in `says`) and its range.

    `above` and `below` exclude the bound, `least` and `most` include it.
    """
    bounds = {"above": above, "least": least, "below": below, "most": most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return dataclasses.field(default=default, metadata={"says": says, "bounds": given})


@dataclass(frozen=True)
class Setting:
    """One field as `ablate list` prints it and as a study file may set it."""

    name: str
    type: Any
    default: Value
    says: str
    bounds: Mapping[str, float]


def settings_of(kind: type) -> Iterator[Setting]:
    """All settings of a method, a probe or the training recipe, in the order they are written."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        default = typing.cast(Value, field.default)
        yield Setting(field.name, hints[field.name], default, field.metadata["says"], field.metadata["bounds"])

"""Typed options of methods, probes and the training recipe: dataclass fields with a description and a range."""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Value = bool | int | float | str | None
T = TypeVar("T")


def option(
    default: Any,
    description: str,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    former: str = "",
) -> Any:
    """A dataclass field with a description (the paper's symbol and equation in it) and a range.

    `above` and `below` exclude the bound, `least` and `most` include it.  `former` is the name that the option had
    before it was renamed: keys of trials go on hashing that name, so that finished trials stay finished.
    """
    bounds = {"above": above, "least": least, "below": below, "most": most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    metadata = {"description": description, "bounds": given, "former": former}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Option:
    """One option, as `ablate list` prints it and as a study file may set it."""

    name: str
    type: Any
    default: Value
    description: str
    bounds: Mapping[str, float]
    former: str = ""  # its name before it was renamed


def options_of(kind: type) -> Iterator[Option]:
    """All options of a method, a probe or the training recipe, in the order of the class."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        default = typing.cast(Value, field.default)
        meta = field.metadata
        former = meta.get("former", "")
        yield Option(field.name, hints[field.name], default, meta["description"], meta["bounds"], former)


def former_names(kind: type) -> dict[str, str]:
    """Option → the name that it had before it was renamed, of those that were."""
    return {one.name: one.former for one in options_of(kind) if one.former}


def build(kind: type[T], settings: Mapping[str, Value]) -> T:
    """An instance with these settings, which may stand under the options' former names."""
    names = {former: name for name, former in former_names(kind).items()}
    return kind(**{names.get(name, name): value for name, value in settings.items()})

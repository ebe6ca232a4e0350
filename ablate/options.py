"""Typed options of methods, probes and the training recipe: dataclass fields with a description and a range."""

import dataclasses
import functools
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeGuard, TypeVar, Union

Value = bool | int | float | str | None
T = TypeVar("T")


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole_number(value: object) -> TypeGuard[int]:
    """Whether a value is an integer; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def option(
    default: Any,
    description: str,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    former: str = "",
    added: bool = False,
) -> Any:
    """A dataclass field with a description (the paper's symbol and equation in it) and a range.

    `above` and `below` exclude the bound, `least` and `most` include it.  Two arguments keep trial keys and probe
    digests, so that finished trials stay finished: `former` is the option's name before it was renamed, which is hashed
    instead; an option `added` to a class that trials had used before is hashed only where it differs from its default,
    which has to give the results of the class without it.
    """
    limits = {"above": above, "least": least, "below": below, "most": most}
    bounds = {name: limit for name, limit in limits.items() if limit is not None}
    metadata = {"description": description, "bounds": bounds, "former": former, "added": added}
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
    added: bool = False  # whether hashes leave it out at its default


def options_of(owner: type) -> tuple[Option, ...]:
    """All options of a method, a probe or the training recipe, in the order of the class."""
    return _options_of(owner)


@functools.cache  # a plan reads them several times per trial
def _options_of(owner: type) -> tuple[Option, ...]:
    return tuple(_read_options(owner))


def _read_options(owner: type) -> Iterator[Option]:
    types = typing.get_type_hints(owner)
    for field in dataclasses.fields(owner):
        default = typing.cast(Value, field.default)
        metadata = field.metadata
        history = metadata.get("former", ""), metadata.get("added", False)
        yield Option(field.name, types[field.name], default, metadata["description"], metadata["bounds"], *history)


def is_option(field: "dataclasses.Field[Any]") -> bool:
    """Whether a dataclass field was made by `option`, with a description."""
    return bool(field.metadata.get("description")) and "bounds" in field.metadata


def is_option_type(annotation: Any) -> bool:
    """Whether an option may have this type: bool, int, float, str, None, a Literal of these, or a union of them."""
    if typing.get_origin(annotation) is Literal:
        return all(isinstance(choice, Value) for choice in typing.get_args(annotation))
    if typing.get_origin(annotation) in (Union, UnionType):
        return all(is_option_type(member) for member in typing.get_args(annotation))
    return annotation in (bool, int, float, str, NoneType)


def former_names(owner: type) -> dict[str, str]:
    """Option → its name before it was renamed, for the renamed options only."""
    return {option.name: option.former for option in options_of(owner) if option.former}


def key_names(owner: type, settings: Mapping[str, Value]) -> dict[str, str]:
    """Option → the name under which it is hashed, where that differs from its name; '' where it is left out."""
    left_out = (one.name for one in options_of(owner) if one.added and settings.get(one.name) == one.default)
    return {**former_names(owner), **dict.fromkeys(left_out, "")}


def hashed(settings: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    """The settings under the names that `key_names` gives, which a hash is made of."""
    pairs = ((names.get(name, name), value) for name, value in settings.items())
    return {name: value for name, value in pairs if name}


def build(owner: type[T], settings: Mapping[str, Value]) -> T:
    """An instance with these settings, which may use the options' former names."""
    names = {former: name for name, former in former_names(owner).items()}
    return owner(**{names.get(name, name): value for name, value in settings.items()})

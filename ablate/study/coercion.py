"""Conversion of a study's value to the type of the option that it sets, with a check of the option's bounds."""

import typing
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ablate.errors import StudyError
from ablate.options import Option, Value, is_number, options_of
from ablate.registry import suggest
from ablate.study.scalars import format_value

TYPE_PHRASES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "null"}
BOUND_PHRASES = {"above": "above", "least": "at least", "below": "below", "most": "at most"}


@cache
def options_by_name(kind: type) -> Mapping[str, Option]:
    """Name → option of a method, a probe or the recipe."""
    return {option.name: option for option in options_of(kind)}


def coerce(option: Option, value: Value, path: str) -> Value:
    """The value as the option's type; 5 becomes 5.0 where the option is a float, so that both give the same key.

    Raises StudyError, without a place, for a value of another type or out of range.
    """
    try:
        converted: Value = type_adapter(option.type).validate_python(value)
    except ValidationError:
        problem = f"'{path}' must be {describe_type(option.type)}, not {format_value(value)}"
        raise StudyError(problem, remedy_for(option, value)) from None
    for name, bound in option.bounds.items():
        if is_number(converted) and not is_within_bound(name, converted, bound):
            problem = f"'{path}' must be {BOUND_PHRASES[name]} {format_value(bound)}, not {format_value(value)}"
            raise StudyError(problem, f"its default is {format_value(option.default)}")
    return converted + 0.0 if isinstance(converted, float) else converted  # -0.0 becomes 0.0


@cache
def type_adapter(kind: Any) -> TypeAdapter[Any]:
    """Pydantic's validator of the type, without conversions from text and without NaN and infinity."""
    return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))


def is_within_bound(name: str, value: float, bound: float) -> bool:
    return {"above": value > bound, "least": value >= bound, "below": value < bound, "most": value <= bound}[name]


def remedy_for(option: Option, value: Value) -> str:
    """A suggestion of the nearest choice where the option has choices, else the default."""
    if int in (option.type, *union_members(option.type)) and isinstance(value, float) and value.is_integer():
        return f"write {value:.0f}"
    names = [choice for choice in literal_choices(option.type) if isinstance(choice, str)]
    if isinstance(value, str) and names:
        return suggest(value, names)
    return f"its default is {format_value(option.default)}"


def literal_choices(kind: Any) -> tuple[Value, ...]:
    """The values of the `Literal`s in a type."""
    if typing.get_origin(kind) is Literal:
        return typing.get_args(kind)
    return tuple(choice for part in union_members(kind) for choice in literal_choices(part))


def union_members(kind: Any) -> tuple[Any, ...]:
    """The types that a union joins; none where the type is no union."""
    return typing.get_args(kind) if typing.get_origin(kind) in (Union, UnionType) else ()


def describe_type(kind: Any) -> str:
    """The type in words: `float | Literal['adaptive']` → a number or 'adaptive'."""
    if typing.get_origin(kind) is Literal:
        return join_with_or([format_value(choice) for choice in typing.get_args(kind)])
    if union_members(kind):
        return join_with_or([describe_type(part) for part in union_members(kind)])
    return TYPE_PHRASES[kind]


def join_with_or(words: list[str]) -> str:
    """`a, b or c`"""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

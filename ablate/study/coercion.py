"""A value of a study → a value of a typed setting."""

import typing
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ablate.errors import StudyError
from ablate.options import Option, Value, options_of
from ablate.registry import suggest
from ablate.study.scalars import shown

WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "null"}
BOUNDS = {"above": "above", "least": "at least", "below": "below", "most": "at most"}


@cache
def fields_of(kind: type) -> Mapping[str, Option]:
    """The settings of a method, a probe or the recipe, by their names."""
    return {option.name: option for option in options_of(kind)}


def coerced(option: Option, value: Value, path: str) -> Value:
    """The value as the setting's type; 5 becomes 5.0 where floats are, so that both give one key.

    Raises StudyError, without a place, for a value of another type or out of range.
    """
    try:
        fitted: Value = adapter(option.type).validate_python(value)
    except ValidationError:
        problem = f"'{path}' must be {described(option.type)}, not {shown(value)}"
        raise StudyError(problem, way_out(option, value)) from None
    for name, bound in option.bounds.items():
        if is_number(fitted) and not within(name, fitted, bound):
            problem = f"'{path}' must be {BOUNDS[name]} {shown(bound)}, not {shown(value)}"
            raise StudyError(problem, f"its default is {shown(option.default)}")
    return fitted + 0.0 if isinstance(fitted, float) else fitted  # -0.0 becomes 0.0


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))


def is_number(value: object) -> typing.TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def within(name: str, value: float, bound: float) -> bool:
    return {"above": value > bound, "least": value >= bound, "below": value < bound, "most": value <= bound}[name]


def way_out(option: Option, value: Value) -> str:
    """The nearest choice, where there are choices; else the default."""
    names = [choice for choice in choices(option.type) if isinstance(choice, str)]
    if isinstance(value, str) and names:
        return suggest(value, names)
    return f"its default is {shown(option.default)}"


def choices(kind: Any) -> tuple[Value, ...]:
    """What the literals of a type allow."""
    if typing.get_origin(kind) is Literal:
        return typing.get_args(kind)
    return tuple(choice for part in members(kind) for choice in choices(part))


def members(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in (Union, UnionType) else ()


def described(kind: Any) -> str:
    """`float | Literal['adaptive']` → a number or 'adaptive'"""
    if typing.get_origin(kind) is Literal:
        return alternatives([shown(choice) for choice in typing.get_args(kind)])
    if members(kind):
        return alternatives([described(part) for part in members(kind)])
    return WORDS[kind]


def alternatives(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

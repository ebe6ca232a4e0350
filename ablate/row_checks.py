"""Checks of table rows that installed packages add: the row's type, class attributes and options."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union

from ablate.options import is_option, is_option_type

Check = Callable[[object], None]  # raises RowError for a row that cannot be used


class RowError(Exception):
    """A row cannot be used, for a reason, with a remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy


def subclass_of(base: type) -> Check:
    """A check for concrete subclasses of `base` that set every class attribute which `base` declares."""

    def check(row: object) -> None:
        check_subclass(row, base)

    return check


def options_class(base: type) -> Check:
    """A check for concrete subclasses of `base` that are frozen dataclasses whose fields are options."""

    def check(row: object) -> None:
        kind = check_subclass(row, base)
        check_dataclass(kind)
        check_options(kind)

    return check


def instance_of(base: type) -> Check:
    """A check for instances of the dataclass `base` whose fields have the declared types."""

    def check(row: object) -> None:
        if not isinstance(row, base):
            raise RowError(f"{row!r} is not an instance of {full_name(base)}", f"name an object of {base.__name__}")
        for name, annotation in typing.get_type_hints(base).items():
            check_type(f"the field '{name}'", getattr(row, name), annotation)

    return check


def check_subclass(row: object, base: type) -> type:
    """The row as a class; RowError where it is no subclass of `base`, is abstract or lacks a class attribute."""
    if not isinstance(row, type) or not issubclass(row, base):
        raise RowError(f"{named(row)} is not a subclass of {full_name(base)}", f"derive it from {base.__name__}")
    if inspect.isabstract(row):
        undefined = ", ".join(sorted(getattr(row, "__abstractmethods__", ())))
        raise RowError(f"the class {row.__name__} is abstract: it does not define {undefined}", f"define {undefined}")
    for name, annotation in typing.get_type_hints(base).items():
        if typing.get_origin(annotation) is ClassVar:
            if not hasattr(base, name) and getattr(row, name, "") == "":
                raise RowError(f"the class {row.__name__} has no '{name}'", f"set its class attribute '{name}'")
            check_type(f"the class attribute '{name}' of {row.__name__}", getattr(row, name), annotation)
    return row


def check_type(place: str, value: object, annotation: Any) -> None:
    if not has_type(value, annotation):
        (inner,) = typing.get_args(annotation) if typing.get_origin(annotation) is ClassVar else (annotation,)
        wanted = inspect.formatannotation(inner)
        raise RowError(f"{place} is {value!r}, not of type {wanted}", f"set it to a value of type {wanted}")


def check_dataclass(row: type) -> None:
    """RowError where the class is no frozen dataclass, or has fields of its own and no decorator of its own."""
    parameters = getattr(row, "__dataclass_params__", None)
    decorated = "__dataclass_params__" in vars(row)
    if parameters is None or not parameters.frozen or (not decorated and has_fields(row)):
        raise RowError(
            f"the class {row.__name__} is not a frozen dataclass", "decorate it with @dataclass(frozen=True)"
        )


def has_fields(row: type) -> bool:
    """Whether the class itself annotates attributes other than class variables."""
    types = type_hints(row)
    return any(typing.get_origin(types[name]) is not ClassVar for name in inspect.get_annotations(row))


def check_options(row: type) -> None:
    """RowError where a dataclass field is not made by `option`, or has a type that no study file can set."""
    types = type_hints(row)
    for field in dataclasses.fields(row):
        if not is_option(field):
            problem = f"the field '{field.name}' of {row.__name__} has no description"
            raise RowError(problem, "declare it with ablate.options.option(default, description)")
        if not is_option_type(types[field.name]):
            problem = f"the option '{field.name}' of {row.__name__} has the type {types[field.name]}"
            raise RowError(problem, "use bool, int, float, str, None, a Literal of these, or a union of such types")


def type_hints(row: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(row)
    except Exception as error:  # whatever evaluating another package's annotations raises
        problem = f"the annotations of {row.__name__} cannot be evaluated: {error}"
        raise RowError(problem, "import the types that they name at the top of the module") from None


def has_type(value: object, annotation: Any) -> bool:
    """Whether a value has the annotated type; true for annotations that cannot be checked."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is ClassVar:
        return has_type(value, arguments[0])
    if origin is Literal:
        return value in arguments
    if origin in (Union, UnionType):
        return any(has_type(value, member) for member in arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return isinstance(value, tuple) and all(has_type(item, arguments[0]) for item in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            has_type(key, arguments[0]) and has_type(item, arguments[1]) for key, item in value.items()
        )
    plain = {float: int | float, None: NoneType, Any: object}.get(annotation, origin or annotation)
    return not isinstance(plain, type | UnionType) or isinstance(value, plain)


def named(row: object) -> str:
    return f"the class {row.__name__}" if isinstance(row, type) else repr(row)


def full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"

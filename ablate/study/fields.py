"""What the fields of a study's data model have in common: strict types, levels, and errors with a remedy."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ablate.options import Value
from ablate.study.scalars import format_value


def rule_error(problem: str, remedy: str) -> PydanticCustomError:
    """An error of a check below; `validation.convert_error` takes over its problem and remedy."""
    return PydanticCustomError("study", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def check_level(value: Any) -> Any:
    """The value; an error where it is a list or a mapping."""
    if isinstance(value, tuple | dict):
        raise rule_error(f"a setting takes one value, not {format_value(value)}", "write a number, true, false or text")
    return value


def comparable(value: Value) -> tuple[bool, Value]:
    """A value for comparisons: equal for 1 and 1.0, different for 1 and true."""
    return isinstance(value, bool), value


Level = Annotated[Value, BeforeValidator(check_level)]
AxisLevels = Annotated[tuple[Level, ...], Field(min_length=1)]


class StrictModel(BaseModel):
    """A frozen model without type conversions: the text '5' is no number."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

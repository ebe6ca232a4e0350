"""`labels:` of a study: the words and units of its axes, levels and metrics, for what people read."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ablate.study.fields import StrictModel, rule_error
from ablate.study.scalars import format_value

MAX_LETTERS = 60

Phrase = Annotated[str, Field(min_length=1, max_length=MAX_LETTERS)]


class Label(StrictModel):
    """How an axis or a metric is called, its unit, and how levels of an axis are called."""

    label: Phrase | None = None
    unit: Annotated[str, Field(max_length=MAX_LETTERS)] | None = None  # '': none; None: as without a label
    levels: Mapping[str, Phrase] = {}  # level as reports show it without words (`vat`, `5`, `on`) → words


def with_key(value: Any) -> Any:
    """`ε`, the short form of a label, as `{label: ε}`; an error where the value is neither text nor a mapping."""
    if not isinstance(value, str | dict | Label):
        problem = f"a label is text or a mapping, not {format_value(value)}"
        raise rule_error(problem, "as in 'method.epsilon: ε' or '{label: ε, unit: px}'")
    return {"label": value} if isinstance(value, str) else value


LabelEntry = Annotated[Label, BeforeValidator(with_key)]

"""Writing: a study → the text of `study.yaml`, which is read as an equal study."""

from collections.abc import Mapping
from typing import Any

import yaml

from ablate.study.model import Case, Study
from ablate.study.scalars import format_number, needs_no_quotes


def to_yaml(study: Study) -> str:
    """The study as YAML, profile and overrides applied; one case without a name is written at the top level."""
    content = study.model_dump(exclude_none=True, exclude={"cases"})
    cases = [case_content(case) for case in study.cases]
    if len(cases) == 1 and "name" not in cases[0]:
        content |= cases[0]
    else:
        content["cases"] = cases
    text: str = yaml.dump(
        with_lists(content),
        Dumper=StudyDumper,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
        default_flow_style=None,
    )
    return text


def case_content(case: Case) -> dict[str, Any]:
    """The keys of a case that have a value; a method or data set that varies is written as an axis only."""
    content = case.model_dump()
    varied = {key for key in ("method", "dataset") if key in case.axes}
    return {key: value for key, value in content.items() if key not in varied and value is not None}


def with_lists(value: Any) -> Any:
    """The value with lists in place of tuples, which YAML has no plain form for, and without empty entries.

    A key that a later version adds, and that is empty, leaves the written study as it was.
    """
    if isinstance(value, Mapping):
        return {key: with_lists(item) for key, item in value.items() if item not in ({}, ())}
    if isinstance(value, list | tuple):
        return [with_lists(item) for item in value]
    return value


class StudyDumper(yaml.SafeDumper):
    """Writes text and floats in a form that `scalars.parse_scalar` reads as the same value."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def represent_text(dumper: StudyDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if needs_no_quotes(text) else '"')


def represent_float(dumper: StudyDumper, value: float) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", format_number(value))


StudyDumper.add_representer(str, represent_text)
StudyDumper.add_representer(float, represent_float)

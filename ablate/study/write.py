"""A study as it is logged: `study.yaml`, which read again is the same study."""

from collections.abc import Mapping
from typing import Any

import yaml

from ablate.study.model import Case, Study
from ablate.study.scalars import is_plain, spelled


def to_yaml(study: Study) -> str:
    """The resolved study as text; a study of one nameless case is written without `cases`."""
    content = study.model_dump(exclude_none=True, exclude={"cases"})
    cases = [case_content(case) for case in study.cases]
    if len(cases) == 1 and "name" not in cases[0]:
        content |= cases[0]
    else:
        content["cases"] = cases
    text: str = yaml.dump(
        listed(content), Dumper=Writer, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=None
    )
    return text


def case_content(case: Case) -> dict[str, Any]:
    """What a file must say for the case; what varies is named by its axis."""
    content = case.model_dump()
    varied = {key for key in ("method", "dataset") if key in case.axes}
    empty = {key for key, value in content.items() if value is None or value == {}}
    return {key: value for key, value in content.items() if key not in varied | empty}


def listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [listed(item) for item in value]
    return value


class Writer(yaml.SafeDumper):
    """Writes every value so that `read` takes it for what it is."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def write_text(writer: Writer, text: str) -> yaml.Node:
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain(text) else '"')


def write_float(writer: Writer, value: float) -> yaml.Node:
    return writer.represent_scalar("tag:yaml.org,2002:float", spelled(value))


Writer.add_representer(str, write_text)
Writer.add_representer(float, write_float)

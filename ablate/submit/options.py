"""The options of a target: a section of a YAML file, or of `[tool.ablate.submit]` in `pyproject.toml`."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.study.document import YamlNode, find_node, read_yaml_file, to_python
from ablate.submit.secret_variables import is_secret
from ablate.submit.target import TargetOptions

T = TypeVar("T", bound=TargetOptions)
PYPROJECT = Path("pyproject.toml")
EMPTY = YamlNode({})
ASSIGNED = re.compile(r"(\w+)=(?=[\"']?([^\s,;\"']*))")  # NAME=value within a line; the value may hold others


def read_options(target: str, kind: type[T], file: Path | None) -> T:
    """A target's options from the section of its name; those of `pyproject.toml` here where no file is given.

    Raises StudyError for a file that cannot be read, an unknown key, a wrong value, an option that is missing, or a
    variable that holds a secret, also where a line of an option sets it.
    """
    root = read_yaml_file(file) if file is not None else _read_pyproject()
    if not isinstance(root.content, Mapping):
        raise StudyError("a section for each target is expected", "as in 'slurm: {partition: gpu}'", root.place)
    section = root.entries.get(target, replace(EMPTY, place=root.place, key_place=root.place))
    if section.content is None:  # a name that nothing follows
        section = replace(section, content={})
    if not isinstance(section.content, Mapping):
        raise StudyError(f"'{target}' must be a mapping of options", "", section.place)
    try:
        options = kind.model_validate(to_python(section))
    except ValidationError as error:
        raise _refused(error, target, kind, section) from None
    _refuse_secrets(section)
    return options


def _refused(error: ValidationError, target: str, kind: type[T], section: YamlNode) -> StudyError:
    """The first of pydantic's errors, at its place."""
    first = error.errors(include_url=False)[0]
    key, node = ".".join(map(str, first["loc"])), find_node(section, first["loc"])
    if first["type"] == "extra_forbidden":
        return StudyError(f"unknown option '{key}'", suggest(key, kind.model_fields), node.key_place)
    if first["type"] == "missing":
        remedy = f"add it to the options of '{target}', by --target FILE or in {PYPROJECT}"
        return StudyError(f"the option '{key}' is missing", remedy, section.key_place)
    return StudyError(f"'{key}': {first['msg'][:1].lower()}{first['msg'][1:]}", "", node.place)


def _refuse_secrets(section: YamlNode) -> None:
    """Raise StudyError for a variable with a secret: it would be in scripts, manifests and lists of jobs."""
    for name, value, place in _variables(section):
        if is_secret(name, value):
            problem = f"the variable '{name}' holds a secret, which lists of jobs would show"
            raise StudyError(problem, "put it into the file or Secret that the target's options name", place)


def _variables(section: YamlNode) -> Iterator[tuple[str, str, str]]:
    """Name, value and place of each variable, of `variables` and of the lines in lists, as `export NAME=value`.

    Lines that take a value from elsewhere, as `export NAME=$(cat file)`, hold none.
    """
    for name, node in section.entries.get("variables", EMPTY).entries.items():
        yield name, str(node.content), node.key_place
    for line in (item for option in section.entries.values() for item in option.items):
        for name, value in ASSIGNED.findall(str(line.content)):
            if value and value[0] not in "$`":
                yield name, value, line.place


def _read_pyproject() -> YamlNode:
    """The sections of `pyproject.toml`, whose parser tells no places within the file."""
    if not PYPROJECT.exists():
        return YamlNode({}, str(PYPROJECT))
    try:
        content = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"this is not valid TOML: {error}", "correct it", str(PYPROJECT)) from None
    table = "tool.ablate.submit"
    return _as_node(content.get("tool", {}).get("ablate", {}).get("submit", {}), f"{PYPROJECT}: {table}")


def _as_node(value: Any, place: str) -> YamlNode:
    """A value of TOML as a node whose place is that of its table."""
    if isinstance(value, Mapping):
        places = {key: f"{place}.{key}" if isinstance(item, Mapping) else place for key, item in value.items()}
        return YamlNode({key: _as_node(item, places[key]) for key, item in value.items()}, place, place)
    content = tuple(_as_node(item, place) for item in value) if isinstance(value, list) else value
    return YamlNode(content, place, place)

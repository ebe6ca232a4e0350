"""The options of a target: a section of a YAML file, or of `[tool.ablate.submit]` in `pyproject.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.submit.target import TargetOptions

T = TypeVar("T", bound=TargetOptions)
PYPROJECT = Path("pyproject.toml")


def read_options(target: str, kind: type[T], file: Path | None) -> T:
    """A target's options from the section of its name; those of `pyproject.toml` here where no file is given.

    Raises StudyError for a file that cannot be read, an unknown key, a wrong value, or an option that is missing.
    """
    place = str(file or PYPROJECT)
    content = _read(file) if file is not None else _read_pyproject()
    section = content.get(target) or {}
    if not isinstance(section, Mapping):
        raise StudyError(f"'{target}' must be a mapping of options", "", place)
    where = f"{place}: {target}" if file is not None else f"{place}: tool.ablate.submit.{target}"
    try:
        return kind.model_validate(_with_tuples(section))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise StudyError(f"unknown option '{key}'", suggest(key, kind.model_fields), where) from None
        if first["type"] == "missing":
            remedy = f"add it to the options of '{target}', by --target FILE or in {PYPROJECT}"
            raise StudyError(f"the option '{key}' is missing", remedy, where) from None
        raise StudyError(f"'{key}': {first['msg'][:1].lower()}{first['msg'][1:]}", "", where) from None


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise StudyError(f"this is not valid YAML: {problem}", "correct it", str(file)) from None
    if not isinstance(content, Mapping):
        raise StudyError("a section for each target is expected", "as in 'slurm: {partition: gpu}'", str(file))
    return content


def _read_pyproject() -> Mapping[str, Any]:
    if not PYPROJECT.exists():
        return {}
    try:
        content = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"this is not valid TOML: {error}", "correct it", str(PYPROJECT)) from None
    section: Mapping[str, Any] = content.get("tool", {}).get("ablate", {}).get("submit", {})
    return section


def _with_tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_tuples(item) for key, item in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value

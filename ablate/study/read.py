"""Reading: a study file, a profile and overrides → one frozen study."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.study.document import YamlNode, read_yaml_file, to_python
from ablate.study.model import MAX_NAME, NAME_PATTERN, Origin, Study
from ablate.study.override import set_node, with_override, with_profile
from ablate.study.rules import check_rules
from ablate.study.scalars import format_value
from ablate.study.validation import CASE_KEYS, raise_errors

SUFFIXES = (".yaml", ".yml")
STUDIES_FOLDER = Path("studies")  # that is searched for a study given by its name


def read_study(path: Path | str, profile: str | None = None, overrides: Sequence[str] = ()) -> Study:
    """The study in a file, or of a name: `epsilon` is studies/invariant/epsilon.yaml.

    The profile is applied to the file, then each `path=value` of the overrides in order.  Raises StudyError at the
    place of a mistake; names of methods, data sets and settings are checked later, by `ablate.planning.resolve`.
    """
    file = study_file(path)
    root = with_profile(require_mapping(read_yaml_file(file)), profile)
    for assignment in overrides:
        root = with_override(root, assignment)
    return build_study(root, file.stem)


def study_file(path: Path | str) -> Path:
    """The path itself where it exists, else the file below `studies` of that name: `epsilon`, `invariant/epsilon`."""
    path = Path(path)
    if path.exists() and not path.is_dir():
        if path.suffix not in SUFFIXES:  # messages quote what they read: not of a file that is no study
            raise StudyError("this is no study file", "name one that ends in .yaml or .yml", str(path))
        return path
    yaml_files = sorted(STUDIES_FOLDER.rglob("*.yaml"))
    files = {file.relative_to(STUDIES_FOLDER).with_suffix("").as_posix(): file for file in yaml_files}
    wanted = path.relative_to(STUDIES_FOLDER) if path.is_relative_to(STUDIES_FOLDER) else path
    name = wanted.with_suffix("").as_posix() if wanted.suffix == ".yaml" else wanted.as_posix()
    found = [known for known in files if known == name or known.endswith(f"/{name}")]
    if len(found) == 1:
        return files[found[0]]
    if found:
        raise StudyError(f"{len(found)} studies have this name", f"choose from {', '.join(found)}", str(path))
    if path.is_dir():
        raise StudyError("this is a folder", "name a file in it", str(path))
    if not files:
        remedy = "name a YAML file, or run this where the folder 'studies' is"
        raise StudyError("there is no such file, and no study in ./studies", remedy, str(path))
    names = {*files, *(known.rpartition("/")[2] for known in files)}
    raise StudyError("there is no such study", suggest(wanted.stem if wanted.suffix else name, names), str(path))


def require_mapping(root: YamlNode) -> YamlNode:
    """The node.  Raises StudyError where it is no mapping."""
    if not isinstance(root.content, Mapping):
        raise StudyError("a study is a mapping of keys to values", "begin with 'question: …'", root.place)
    return root


def build_study(root: YamlNode, name: str) -> Study:
    """The validated study of a root node, called `name` where the file gives no name."""
    if "name" not in root.entries:
        if not re.fullmatch(NAME_PATTERN, name) or len(name) > MAX_NAME:
            problem = f"the file's name, {format_value(name)}, makes no name of a study"
            raise StudyError(problem, "add one, as in 'name: epsilon', or rename the file", root.place)
        root = set_node(root, ("name",), YamlNode(name, root.place, root.place))
    root = move_keys_into_cases(root)
    try:
        study = Study.model_validate(to_python(root))
    except ValidationError as error:
        raise_errors(error, root)
    check_rules(study, root)
    study._origin = Origin(root)
    return study


def move_keys_into_cases(root: YamlNode) -> YamlNode:
    """The root with the top level's `method`, `dataset`, `axes`, … moved into each case that does not have its own."""
    block = {key: node for key, node in root.entries.items() if key in CASE_KEYS}
    rest = {key: node for key, node in root.entries.items() if key not in CASE_KEYS}
    cases = root.entries.get("cases", YamlNode((YamlNode({}, root.place),), root.place))
    if not cases.items:
        return YamlNode({**rest, "cases": cases}, root.place)
    merged = tuple(merge_case(block, case) if isinstance(case.content, Mapping) else case for case in cases.items)
    return YamlNode({**rest, "cases": YamlNode(merged, cases.place, cases.key_place)}, root.place)


def merge_case(block: Mapping[str, YamlNode], case: YamlNode) -> YamlNode:
    """The case with the keys of the top level that it leaves out; `fixed` is merged setting by setting."""
    content = {**block, **case.entries}
    shared, own = block.get("fixed"), case.entries.get("fixed")
    if shared is not None and own is not None and isinstance(own.content, Mapping):
        content["fixed"] = YamlNode({**shared.entries, **own.entries}, own.place, own.key_place)
    return YamlNode(content, case.place, case.key_place)

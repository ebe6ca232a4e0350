"""A study file, a profile and overrides → one frozen study."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.study.document import Node, plain, read_file
from ablate.study.model import Origin, Study
from ablate.study.override import put, with_override, with_profile
from ablate.study.rules import check
from ablate.study.validation import BLOCK, complain

FOLDER = Path("studies")  # where a bare name is looked for


def read_study(path: Path | str, profile: str | None = None, overrides: Sequence[str] = ()) -> Study:
    """The study in a file, or of a name: `epsilon` is studies/invariant/epsilon.yaml.

    The file speaks first, the profile over it, each `path=value` of the overrides last.  Raises StudyError at the
    place of what is wrong; names of methods, data sets and settings are checked by `ablate.planning.resolve`.
    """
    file = study_file(path)
    root = with_profile(mapping(read_file(file)), profile)
    for assignment in overrides:
        root = with_override(root, assignment)
    return study_of(root, file.stem)


def study_file(path: Path | str) -> Path:
    """The file itself, or the one in `studies` or its folders that has the name: `epsilon`, `invariant/epsilon`."""
    path = Path(path)
    if path.exists():
        return path
    files = {file.relative_to(FOLDER).with_suffix("").as_posix(): file for file in sorted(FOLDER.rglob("*.yaml"))}
    wanted = path.relative_to(FOLDER) if path.is_relative_to(FOLDER) else path
    name = wanted.with_suffix("").as_posix() if wanted.suffix == ".yaml" else wanted.as_posix()
    found = [known for known in files if known == name or known.endswith(f"/{name}")]
    if len(found) == 1:
        return files[found[0]]
    if found:
        raise StudyError(f"{len(found)} studies have this name", f"choose from {', '.join(found)}", str(path))
    names = {*files, *(known.rpartition("/")[2] for known in files)}
    remedy = suggest(wanted.stem if wanted.suffix else name, names) if names else "name a YAML file"
    raise StudyError("there is no such study", remedy, str(path))


def mapping(root: Node) -> Node:
    if not isinstance(root.content, Mapping):
        raise StudyError("a study is a mapping of keys to values", "begin with 'question: …'", root.place)
    return root


def study_of(root: Node, name: str) -> Study:
    """The study that a tree of nodes says; what has no name is called `name`."""
    whole = with_cases(root if "name" in root.entries else put(root, ("name",), Node(name, root.place, root.place)))
    try:
        study = Study.model_validate(plain(whole))
    except ValidationError as error:
        raise complain(error, whole) from None
    check(study, whole)
    study._origin = Origin(whole)
    return study


def with_cases(root: Node) -> Node:
    """The top level's blocks moved into its cases, which take from it what they leave out."""
    block = {key: node for key, node in root.entries.items() if key in BLOCK}
    rest = {key: node for key, node in root.entries.items() if key not in BLOCK}
    cases = root.entries.get("cases", Node((Node({}, root.place),), root.place))
    if not cases.items:
        return Node({**rest, "cases": cases}, root.place)
    merged = tuple(merge(block, case) if isinstance(case.content, Mapping) else case for case in cases.items)
    return Node({**rest, "cases": Node(merged, cases.place, cases.named)}, root.place)


def merge(block: Mapping[str, Node], case: Node) -> Node:
    """The case over the block; what they fix is joined, setting by setting."""
    content = {**block, **case.entries}
    above, own = block.get("fixed"), case.entries.get("fixed")
    if above is not None and own is not None and isinstance(own.content, Mapping):
        content["fixed"] = Node({**above.entries, **own.entries}, own.place, own.named)
    return Node(content, case.place, case.named)

"""Profiles and `--set`: what is laid over a study before it is read."""

from collections.abc import Callable, Mapping, Sequence

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.study.document import Node, find, read_text
from ablate.study.validation import BLOCK, SECTIONS, TOP

SETTINGS = ("method", "training", "probes")  # what a dotted path may begin with to be fixed
SETTABLE = tuple(key for key in TOP if key not in ("profile", "profiles"))


def with_profile(root: Node, name: str | None) -> Node:
    """The study with the profile's keys laid over it, in the order they are written."""
    profiles = profiles_of(root)
    root = Node({key: node for key, node in root.entries.items() if key != "profiles"}, root.place)
    if name is None:
        return root
    if name not in profiles:
        remedy = suggest(name, profiles) if profiles else "the study has none"
        raise StudyError(f"no profile is called '{name}'", remedy, f"--profile {name}")
    for path, value in profiles[name].entries.items():
        root = override(root, path, value)
    place = profiles[name].named
    return put(root, ("profile",), Node(name, place, place))


def profiles_of(root: Node) -> Mapping[str, Node]:
    """The profiles by name, each a mapping."""
    written = root.entries.get("profiles", Node({}))
    if not isinstance(written.content, Mapping):
        raise StudyError("'profiles' must be a mapping", "as in 'profiles: {quick: {seeds: 2}}'", written.place)
    if "profiles" in root.entries and "profile" in root.entries:
        remedy = "choose one with --profile; 'profile' is written by ablate where one was applied"
        raise StudyError("'profile' stands beside 'profiles'", remedy, root.entries["profile"].named)
    for name, profile in written.entries.items():
        if not isinstance(profile.content, Mapping):
            raise StudyError(f"profile '{name}' must be a mapping", f"as in '{name}: {{seeds: 2}}'", profile.place)
    return written.entries


def with_override(root: Node, assignment: str) -> Node:
    """The study with one `path=value` of the command line laid over it."""
    path, equals, text = assignment.partition("=")
    path = path.strip()
    place = f"--set {path}"
    if not equals or not path:
        raise StudyError("no value", "write path=value, as in --set training.epochs=20", f"--set {assignment}")
    if not text.strip():
        raise StudyError("no value", f"write it after '=', as in --set {path}=5", place)
    return override(root, path, read_text(text, lambda _line, _column: place))


def override(root: Node, path: str, value: Node) -> Node:
    """The study with the value at the path, which has the last word over every case."""
    word, _, rest = path.partition(".")
    if path in ("profile", "profiles"):
        raise StudyError(f"'{path}' cannot be set here", "choose a profile with --profile", value.named)
    if path in SETTABLE:
        return replace_key(root, path, value)
    if rest and word == "fixed":
        return fix(root, rest, value)
    if rest and word in SETTINGS:
        return fix(root, path, value)
    if rest and word in ("axes", "baseline"):
        return vary(root, word, rest, value)
    if rest and word in SECTIONS:
        return put(root, (word, *section_path(word, rest)), value)
    known = [f"{section}.{rest}" for section in (*SETTINGS, *SECTIONS, "axes", "baseline") if rest]
    raise StudyError(f"unknown key '{path}'", suggest(path, known or SETTABLE), value.named)


def section_path(section: str, rest: str) -> tuple[str, ...]:
    """`search.space.method.k` → space, method.k: settings keep their dots."""
    word, _, below = rest.partition(".")
    return (word, below) if section == "search" and below else (rest,)


def replace_key(root: Node, key: str, value: Node) -> Node:
    """The value in place of the key, and of what the cases say under it."""
    if key in BLOCK:
        root = each_case(root, lambda case: without(case, key))
    return put(root, (key,), value)


def fix(root: Node, path: str, value: Node) -> Node:
    """The setting fixed in every case."""

    def drop(case: Node) -> Node:
        return put(case, ("fixed",), without(case.entries["fixed"], path)) if entries(case, "fixed") else case

    return put(each_case(root, drop), ("fixed", path), value)


def vary(root: Node, key: str, path: str, value: Node) -> Node:
    """The levels of an axis, or its baseline, replaced wherever the axis is."""
    axes = {axis for block in (root, *find(root, ("cases",)).items) for axis in entries(block, "axes")}
    if path not in axes:
        remedy = suggest(path, axes) if axes else "the study has none"
        raise StudyError(f"no axis is called '{path}'", remedy, value.named)

    def replaced(block: Node) -> Node:
        return put(block, (key, path), value) if path in entries(block, "axes") else block

    return replaced(each_case(root, replaced))


def each_case(root: Node, change: Callable[[Node], Node]) -> Node:
    """The study with a change made to each of its written cases."""
    cases = root.entries.get("cases")
    if cases is None or not cases.items:
        return root
    return put(root, ("cases",), Node(tuple(change(case) for case in cases.items), cases.place, cases.named))


def entries(block: Node, key: str) -> Mapping[str, Node]:
    return block.entries[key].entries if key in block.entries else {}


def without(node: Node, key: str) -> Node:
    return Node({name: child for name, child in node.entries.items() if name != key}, node.place, node.named)


def put(node: Node, path: Sequence[str], value: Node) -> Node:
    """The mapping with the value at the path; sections that were not written begin there."""
    key, below = path[0], path[1:]
    if not isinstance(node.content, Mapping):
        return node  # reading complains of it where it was written
    child = put(node.entries.get(key, Node({}, value.place, value.named)), below, value) if below else value
    return Node({**node.entries, key: child}, node.place, node.named)

"""Profiles and `--set` overrides, applied to the nodes of a study file before they are validated."""

import difflib
from collections.abc import Callable, Mapping, Sequence

from ablate.errors import StudyError
from ablate.registry import closest, suggest
from ablate.study.document import YamlNode, find_node, parse_yaml
from ablate.study.search import Choices, Range
from ablate.study.validation import CASE_KEYS, SECTIONS, TOP_LEVEL_KEYS, override_example

SETTING_SECTIONS = ("method", "training", "probes")  # first words of the paths of settings
LIKELY = 0.75  # similarity from which a word counts as a misspelt key, and not as the last word of a setting
OVERRIDABLE_KEYS = tuple(key for key in TOP_LEVEL_KEYS if key not in ("profile", "profiles"))


def with_profile(root: YamlNode, name: str | None) -> YamlNode:
    """The study with the profile's entries applied as overrides, in the order of the file."""
    profiles = profiles_of(root)
    root = YamlNode({key: node for key, node in root.entries.items() if key != "profiles"}, root.place)
    if name is None:
        return root
    if name not in profiles:
        remedy = suggest(name, profiles) if profiles else "the study has none"
        raise StudyError(f"no profile is called '{name}'", remedy, f"--profile {name}")
    for path, value in profiles[name].entries.items():
        root = apply_override(root, path, value)
    place = profiles[name].key_place
    return set_node(root, ("profile",), YamlNode(name, place, place))


def profiles_of(root: YamlNode) -> Mapping[str, YamlNode]:
    """Name → profile.  Raises StudyError where one is no mapping."""
    written = root.entries.get("profiles", YamlNode({}))
    if not isinstance(written.content, Mapping):
        raise StudyError("'profiles' must be a mapping", "as in 'profiles: {quick: {seeds: 2}}'", written.place)
    if "profiles" in root.entries and "profile" in root.entries:
        remedy = "choose one with --profile; ablate itself writes 'profile' where one was applied"
        raise StudyError("'profile' and 'profiles' are both given", remedy, root.entries["profile"].key_place)
    for name, profile in written.entries.items():
        if not isinstance(profile.content, Mapping):
            raise StudyError(f"profile '{name}' must be a mapping", f"as in '{name}: {{seeds: 2}}'", profile.place)
    return written.entries


def with_override(root: YamlNode, assignment: str) -> YamlNode:
    """The study with one `path=value` of the command line applied."""
    path, equals, text = assignment.partition("=")
    path = path.strip()
    place = f"--set {path}"
    if not equals or not path:
        raise StudyError("no value", "write path=value, as in --set training.epochs=20", f"--set {assignment}")
    if not text.strip():
        raise StudyError("no value", f"write it after '=', as in --set {override_example(path)}", place)
    return apply_override(root, path, parse_yaml(text, lambda _line, _column: place))


def apply_override(root: YamlNode, path: str, value: YamlNode) -> YamlNode:
    """The study with the value at the path, in place of what its cases have there."""
    first, _, rest = path.partition(".")
    if path in ("profile", "profiles"):
        raise StudyError(f"'{path}' cannot be set here", "choose a profile with --profile", value.key_place)
    if path in OVERRIDABLE_KEYS:
        return replace_key(root, path, value)
    if rest and first == "fixed":
        return fix_setting(root, rest, value)
    if rest and first in SETTING_SECTIONS:
        return fix_setting(root, path, value)
    if rest and first in ("axes", "baseline"):
        return replace_axis(root, first, rest, value)
    if first == "seeds" and rest and not root.entries.get("seeds", YamlNode({})).entries:
        remedy = "write the whole rule, as in --set 'seeds={at_least: 3, at_most: 20}'"
        raise StudyError(f"'{path}' sets a part of a rule, and 'seeds' is none", remedy, value.key_place)
    if rest and first in SECTIONS:
        return set_node(root, (first, *section_path(root, first, rest)), value)
    if not rest and not difflib.get_close_matches(path, OVERRIDABLE_KEYS, n=1, cutoff=LIKELY):
        return fix_setting(root, path, value)  # refused when settings are known, by the one that ends in this word
    remedy = suggest_section(first, rest) if rest else suggest(path, OVERRIDABLE_KEYS)
    raise StudyError(f"unknown key '{path}'", remedy, value.key_place)


def suggest_section(word: str, rest: str) -> str:
    """The remedy for a path that begins with an unknown word: the most similar section that has such a key."""
    key = rest.partition(".")[0]
    of_files = [name for name, model in SECTIONS.items() if key in model.model_fields]
    near = closest(word, (*SETTING_SECTIONS, *of_files, "axes", "baseline"))
    return f"did you mean '{near}.{rest}'?" if near else "begin with 'method.', 'training.' or 'probes.'"


def section_path(root: YamlNode, section: str, rest: str) -> tuple[str, ...]:
    """The keys below a section: of `search.space.method.k.low` these are `space`, `method.k` and `low`."""
    key, _, below = rest.partition(".")
    if section != "search" or not below:
        return (rest,)
    space = entries_under(root.entries["search"], "space") if "search" in root.entries else {}
    return (key, below) if key != "space" or below in space else (key, *space_path(below))


def space_path(below: str) -> tuple[str, ...]:
    """`method.k.low` → `method.k`, `low`; a path alone stays whole, as do the paths below `when`."""
    words = below.split(".")
    for place, word in enumerate(words):
        if place and word in (*Range.model_fields, *Choices.model_fields):
            return tuple(filter(None, (".".join(words[:place]), word, ".".join(words[place + 1 :]))))
    return (below,)


def replace_key(root: YamlNode, key: str, value: YamlNode) -> YamlNode:
    """The study with the value of a top-level key replaced, and the key removed from every case."""
    if key in CASE_KEYS:
        root = map_cases(root, lambda case: without_key(case, key))
    return set_node(root, (key,), value)


def fix_setting(root: YamlNode, path: str, value: YamlNode) -> YamlNode:
    """The study with the setting fixed at the value in every case."""

    def drop(case: YamlNode) -> YamlNode:
        if not entries_under(case, "fixed"):
            return case
        return set_node(case, ("fixed",), without_key(case.entries["fixed"], path))

    return set_node(map_cases(root, drop), ("fixed", path), value)


def replace_axis(root: YamlNode, key: str, path: str, value: YamlNode) -> YamlNode:
    """The study with an axis's levels (key `axes`) or baseline replaced, in every block that has the axis."""
    axes = {axis for block in (root, *find_node(root, ("cases",)).items) for axis in entries_under(block, "axes")}
    if path not in axes:
        remedy = suggest(path, axes) if axes else "the study has none"
        raise StudyError(f"no axis is called '{path}'", remedy, value.key_place)

    def replaced(block: YamlNode) -> YamlNode:
        return set_node(block, (key, path), value) if path in entries_under(block, "axes") else block

    return replaced(map_cases(root, replaced))


def map_cases(root: YamlNode, change: Callable[[YamlNode], YamlNode]) -> YamlNode:
    """The study with `change` applied to each entry of `cases`."""
    cases = root.entries.get("cases")
    if cases is None or not cases.items:
        return root
    changed = tuple(change(case) for case in cases.items)
    return set_node(root, ("cases",), YamlNode(changed, cases.place, cases.key_place))


def entries_under(block: YamlNode, key: str) -> Mapping[str, YamlNode]:
    """The entries of the mapping under the key; none where the block does not have it."""
    return block.entries[key].entries if key in block.entries else {}


def without_key(node: YamlNode, key: str) -> YamlNode:
    return YamlNode({name: child for name, child in node.entries.items() if name != key}, node.place, node.key_place)


def set_node(node: YamlNode, path: Sequence[str], value: YamlNode) -> YamlNode:
    """The mapping with the value at the path; mappings that are missing on the way are added, at the value's place.

    A node that is no mapping is returned as it is, and refused by the validation.
    """
    key, below = path[0], path[1:]
    if not isinstance(node.content, Mapping):
        return node
    child = value
    if below:
        child = set_node(node.entries.get(key, YamlNode({}, value.place, value.key_place)), below, value)
    return YamlNode({**node.entries, key: child}, node.place, node.key_place)

"""YAML text → nodes: every value with the places (file, line, column) of the value and of its key."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from ablate.errors import StudyError, placed_at
from ablate.options import Value
from ablate.study.scalars import TAG_PREFIX, double_quoted, format_value, parse_scalar

MAX_BYTES = 1_000_000
MAX_DEPTH = 20  # a search space in a profile has seven levels
Locate = Callable[[int, int], str]  # line and column, both from 1 → place


@dataclass(frozen=True)
class YamlNode:
    """One scalar, a list or a mapping, with the place of the value and the place of its key."""

    content: "Value | tuple[YamlNode, ...] | Mapping[str, YamlNode]"
    place: str = ""
    key_place: str = ""

    @property
    def entries(self) -> Mapping[str, "YamlNode"]:
        """The nodes of a mapping by key; none where the node is no mapping."""
        return self.content if isinstance(self.content, Mapping) else {}

    @property
    def items(self) -> tuple["YamlNode", ...]:
        """The nodes of a list; none where the node is no list."""
        return self.content if isinstance(self.content, tuple) else ()


def to_python(node: YamlNode) -> Any:
    """The node's value without places: scalars, tuples and dicts."""
    if isinstance(node.content, Mapping):
        return {name: to_python(child) for name, child in node.content.items()}
    if isinstance(node.content, tuple):
        return tuple(to_python(child) for child in node.content)
    return node.content


def find_node(node: YamlNode, path: Iterable[str | int]) -> YamlNode:
    """The node at the path of keys and indices; steps that the document does not have are skipped."""
    for step in path:
        if isinstance(step, str):
            node = node.entries.get(step, node)
        elif step < len(node.items):
            node = node.items[step]
    return node


def read_yaml_file(path: Path) -> YamlNode:
    """The root node of a YAML file.  Raises StudyError where it cannot be read, is not YAML or is larger than 1 MB."""
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise StudyError("this is a folder", "name a file in it", str(path)) from None
    except OSError as error:
        raise StudyError(f"cannot be read ({error.strerror})", "check its permissions", str(path)) from None
    if len(content) > MAX_BYTES:
        problem = f"the file has {len(content):,} bytes and a study at most {MAX_BYTES:,}"
        raise StudyError(problem, "name a study file", str(path))

    def locate(line: int, column: int) -> str:
        return f"{path}:{line}:{column}"

    return parse_yaml(decode_utf8(content, locate), locate)


def decode_utf8(content: bytes, locate: Locate) -> str:
    """The text, without a byte order mark.  Raises StudyError at the first byte that is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise StudyError(problem, "save the file as UTF-8", locate(*line_and_column(before))) from None


def line_and_column(before: str) -> tuple[int, int]:
    """Line and column, both from 1, of the character that follows this text."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def parse_yaml(text: str, locate: Locate) -> YamlNode:
    """The root node of a text with one document.

    Raises StudyError where the text is not YAML, or holds values that YAML 1.1 reads otherwise than people do.
    """
    refuse_tabs(text, locate)
    try:
        root = Composer(text, locate).get_single_node()
    except ReaderError as error:
        place = locate(*line_and_column(text[: error.position]))
        raise StudyError(f"character U+{ord(text[error.position]):04X} is not allowed", "remove it", place) from None
    except yaml.MarkedYAMLError as error:
        raise syntax_error(error, text, locate) from None
    if root is None:
        raise StudyError("nothing is written here", "begin with 'question: …'", locate(1, 1))
    return convert_node(root, locate)


def refuse_tabs(text: str, locate: Locate) -> None:
    """Raise StudyError at the first tab in an indentation."""
    for number, line in enumerate(text.split("\n"), start=1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            raise StudyError("a tab is not allowed here", "indent with spaces", locate(number, indent.index("\t") + 1))


def syntax_error(error: yaml.MarkedYAMLError, text: str, locate: Locate) -> StudyError:
    """PyYAML's error as a StudyError at its place."""
    mark = error.problem_mark
    assert mark is not None, "PyYAML marks every error in a text"
    place = locate(mark.line + 1, mark.column + 1)
    if text[mark.index : mark.index + 1] == "\t":
        return StudyError("a tab is not allowed here", "write spaces", place)
    if "single document" in (error.context or ""):
        return StudyError("a second document begins", "remove '---' and what follows", place)
    start = error.context_mark and locate(error.context_mark.line + 1, error.context_mark.column + 1)
    within = f", in what begins at {start}" if start and start != place else ""
    remedy = "check brackets, quotes, colons and indentation here"
    return StudyError(f"not YAML: {error.problem}{within}", remedy, place)


class Composer(yaml.SafeLoader):
    """PyYAML's composer without aliases and tags.

    Nested aliases can make a small file use gigabytes of memory, and tags name Python types; a study needs neither.
    """

    def __init__(self, text: str, locate: Locate) -> None:
        super().__init__(text)
        self.locate = locate
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # its stub has no types
        place = self.locate(event.start_mark.line + 1, event.start_mark.column + 1)
        refuse_aliases_and_tags(event, place)
        if self.depth >= MAX_DEPTH:
            raise StudyError(f"nested deeper than {MAX_DEPTH} levels", "write a flatter file", place)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def refuse_aliases_and_tags(event: Any, place: str) -> None:
    """Raise StudyError for an event that has an alias, an anchor or a tag."""
    if isinstance(event, yaml.AliasEvent):
        raise StudyError(f"alias '*{event.anchor}' is not allowed", "write the value itself", place)
    if event.anchor is not None:
        raise StudyError(f"anchor '&{event.anchor}' is not allowed", "write the value where it is needed", place)
    if event.tag is not None:
        tag = event.tag.replace(TAG_PREFIX, "!!")
        raise StudyError(f"tag '{tag}' is not allowed", "write the value without a tag", place)


def convert_node(node: yaml.Node, locate: Locate, key_place: str = "") -> YamlNode:
    """PyYAML's node with Python values; where it has no key, the place of the value is also that of the key."""
    place = locate(node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        return YamlNode(convert_entries(node, locate), place, key_place or place)
    if isinstance(node, yaml.SequenceNode):
        return YamlNode(tuple(convert_node(item, locate) for item in node.value), place, key_place or place)
    assert isinstance(node, yaml.ScalarNode), "YAML has three kinds of nodes"
    return YamlNode(convert_scalar(node, place), place, key_place or place)


def convert_entries(mapping: yaml.MappingNode, locate: Locate) -> dict[str, YamlNode]:
    """The nodes of a mapping by key.  Raises StudyError for a key that is written twice."""
    entries: dict[str, YamlNode] = {}
    for key, value in mapping.value:
        place = locate(key.start_mark.line + 1, key.start_mark.column + 1)
        name = convert_key(key, place)
        if name in entries:
            problem = f"key '{name}' is written twice"
            raise StudyError(problem, f"remove one; the first is at {entries[name].key_place}", place)
        entries[name] = convert_node(value, locate, place)
    return entries


def convert_key(node: yaml.Node, place: str) -> str:
    """The key as text.  Raises StudyError for a key of another type."""
    if not isinstance(node, yaml.ScalarNode):
        raise StudyError("a key must be a word, not a list or a mapping", "quote it if it is text", place)
    if node.tag == f"{TAG_PREFIX}merge":
        raise StudyError("merge key '<<' is not allowed", "write the entries themselves", place)
    name = convert_scalar(node, place)
    if not isinstance(name, str):
        problem = f"key '{node.value}' is read as {format_value(name)}, not as text"
        raise StudyError(problem, f"write {double_quoted(node.value)}", place)
    return name


def convert_scalar(node: yaml.ScalarNode, place: str) -> Value:
    """The scalar's value, with the place added to errors."""
    with placed_at(place):
        return parse_scalar(node.value, node.tag, quoted=node.style is not None)

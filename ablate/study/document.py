"""YAML text → values that know where they were written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from ablate.errors import StudyError
from ablate.options import Value
from ablate.study.scalars import TAG, quotes, scalar, shown

MOST_BYTES = 1_000_000
MOST_DEPTH = 20  # a search space in a profile is seven deep
Locate = Callable[[int, int], str]  # line and column, both from 1 → place


@dataclass(frozen=True)
class Node:
    """A value as it was written: one scalar, a list, or named values; where it stands, and where its name does."""

    content: "Value | tuple[Node, ...] | Mapping[str, Node]"
    place: str = ""
    named: str = ""

    @property
    def entries(self) -> Mapping[str, "Node"]:
        """The named values; none where the node is no mapping."""
        return self.content if isinstance(self.content, Mapping) else {}

    @property
    def items(self) -> tuple["Node", ...]:
        """The values of a list; none where the node is no list."""
        return self.content if isinstance(self.content, tuple) else ()


def plain(node: Node) -> Any:
    """The value alone: scalars, tuples and dicts."""
    if isinstance(node.content, Mapping):
        return {name: plain(child) for name, child in node.content.items()}
    if isinstance(node.content, tuple):
        return tuple(plain(child) for child in node.content)
    return node.content


def find(node: Node, path: Iterable[str | int]) -> Node:
    """The deepest node along the path; steps that were not written are passed over."""
    for step in path:
        if isinstance(step, str):
            node = node.entries.get(step, node)
        elif step < len(node.items):
            node = node.items[step]
    return node


def read_file(path: Path) -> Node:
    """The content of a YAML file of less than 1 MB."""
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise StudyError("this is a folder", "name a file in it", str(path)) from None
    except OSError as error:
        raise StudyError(f"cannot be read ({error.strerror})", "check its permissions", str(path)) from None
    if len(content) > MOST_BYTES:
        problem = f"the file has {len(content):,} bytes and a study at most {MOST_BYTES:,}"
        raise StudyError(problem, "name a study file", str(path))

    def locate(line: int, column: int) -> str:
        return f"{path}:{line}:{column}"

    return read_text(decode(content, locate), locate)


def decode(content: bytes, locate: Locate) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise StudyError(problem, "save the file as UTF-8", locate(*position(before))) from None


def position(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what comes after this text."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def read_text(text: str, locate: Locate) -> Node:
    """The one document in a text; StudyError where it is not YAML, or YAML that would surprise people."""
    refuse_tabs(text, locate)
    try:
        root = Composer(text, locate).get_single_node()
    except ReaderError as error:
        place = locate(*position(text[: error.position]))
        raise StudyError(f"character U+{ord(text[error.position]):04X} is not allowed", "remove it", place) from None
    except yaml.MarkedYAMLError as error:
        raise not_yaml(error, text, locate) from None
    if root is None:
        raise StudyError("nothing is written here", "begin with 'question: …'", locate(1, 1))
    return node_of(root, locate)


def refuse_tabs(text: str, locate: Locate) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            raise StudyError("a tab is not allowed here", "indent with spaces", locate(number, indent.index("\t") + 1))


def not_yaml(error: yaml.MarkedYAMLError, text: str, locate: Locate) -> StudyError:
    mark = error.problem_mark
    assert mark is not None, "PyYAML marks what it finds in a text"
    place = locate(mark.line + 1, mark.column + 1)
    if text[mark.index : mark.index + 1] == "\t":
        return StudyError("a tab is not allowed here", "write spaces", place)
    if "single document" in (error.context or ""):
        return StudyError("a second document begins", "remove '---' and what follows", place)
    begun = error.context_mark and locate(error.context_mark.line + 1, error.context_mark.column + 1)
    within = f", in what begins at {begun}" if begun and begun != place else ""
    remedy = "check brackets, quotes, colons and indentation here"
    return StudyError(f"not YAML: {error.problem}{within}", remedy, place)


class Composer(yaml.SafeLoader):
    """PyYAML's composer without aliases and tags.

    A study has no use for either: aliases grow small files into large ones, and tags name types; a value is written
    where it counts.
    """

    def __init__(self, text: str, locate: Locate) -> None:
        super().__init__(text)
        self.locate = locate
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        place = self.locate(event.start_mark.line + 1, event.start_mark.column + 1)
        refuse_marks(event, place)
        if self.depth >= MOST_DEPTH:
            raise StudyError(f"nested deeper than {MOST_DEPTH} levels", "write a flatter file", place)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def refuse_marks(event: Any, place: str) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise StudyError(f"alias '*{event.anchor}' is not allowed", "write the value itself", place)
    if event.anchor is not None:
        raise StudyError(f"anchor '&{event.anchor}' is not allowed", "write the value where it is needed", place)
    if event.tag is not None:
        raise StudyError(f"tag '{event.tag.replace(TAG, '!!')}' is not allowed", "write the value without a tag", place)


def node_of(node: yaml.Node, locate: Locate, named: str = "") -> Node:
    place = locate(node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        return Node(entries_of(node, locate), place, named or place)
    if isinstance(node, yaml.SequenceNode):
        return Node(tuple(node_of(item, locate) for item in node.value), place, named or place)
    assert isinstance(node, yaml.ScalarNode), "YAML knows three kinds of nodes"
    return Node(scalar_at(node, place), place, named or place)


def entries_of(mapping: yaml.MappingNode, locate: Locate) -> dict[str, Node]:
    entries: dict[str, Node] = {}
    for key, value in mapping.value:
        place = locate(key.start_mark.line + 1, key.start_mark.column + 1)
        name = key_of(key, place)
        if name in entries:
            problem = f"key '{name}' is written twice"
            raise StudyError(problem, f"remove one; the first is at {entries[name].named}", place)
        entries[name] = node_of(value, locate, place)
    return entries


def key_of(node: yaml.Node, place: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise StudyError("a key must be a word, not a list or a mapping", "quote it if it is text", place)
    if node.tag == f"{TAG}merge":
        raise StudyError("merge key '<<' is not allowed", "write the entries themselves", place)
    name = scalar_at(node, place)
    if not isinstance(name, str):
        raise StudyError(
            f"key '{node.value}' is read as {shown(name)}, not as text", f"write {quotes(node.value)}", place
        )
    return name


def scalar_at(node: yaml.ScalarNode, place: str) -> Value:
    try:
        return scalar(node.value, node.tag, quoted=node.style is not None)
    except StudyError as error:
        raise StudyError(error.problem, error.remedy, place) from None

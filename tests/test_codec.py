"""JSON of frozen dataclasses: every kind of field is read back as it was written, and other lines are refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from ablate.codec import Codec, from_plain, to_plain


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True)
class Shape:
    """A field of every kind that messages have."""

    color: Color
    corners: tuple[Point, ...]
    packs: tuple[tuple[str, ...], ...] = ()
    center: Point | None = None
    labels: Mapping[str, Point] = field(default_factory=dict)
    scores: Mapping[str, float | None] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True)
class Stop:
    """A message without fields."""


class Celsius:
    """A value that converts itself."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def to_json(self) -> float:
        return self.degrees + 273.15

    @classmethod
    def from_json(cls, content: float) -> "Celsius":
        return cls(content - 273.15)


CODEC: Codec[object] = Codec({"shape": Shape, "stop": Stop}, version=3)
FULL = Shape(
    color=Color.BLUE,
    corners=(Point(0.0, 1.5), Point(2.0)),
    packs=(("a", "b"), ("c",)),
    center=Point(1.0, 1.0),
    labels={"top": Point(3.0)},
    scores={"a": 0.5, "b": None},
    name="triangle",
)


@pytest.mark.parametrize("message", [FULL, Shape(Color.RED, ()), Stop()], ids=["full", "defaults", "empty"])
def test_a_message_is_read_back_as_it_was_written(message: object) -> None:
    line = CODEC.encode(message)
    assert "\n" not in line
    assert CODEC.decode(line) == message
    assert CODEC.decode(line.encode()) == message


def test_a_line_names_its_kind_and_version_and_holds_plain_json() -> None:
    assert json.loads(CODEC.encode(FULL)) == {
        "kind": "shape",
        "version": 3,
        "color": "blue",
        "corners": [{"x": 0.0, "y": 1.5}, {"x": 2.0, "y": 0.0}],
        "packs": [["a", "b"], ["c"]],
        "center": {"x": 1.0, "y": 1.0},
        "labels": {"top": {"x": 3.0, "y": 0.0}},
        "scores": {"a": 0.5, "b": None},
        "name": "triangle",
    }


def test_enums_nested_dataclasses_and_tuples_have_their_types_again() -> None:
    shape = CODEC.decode(CODEC.encode(FULL))
    assert isinstance(shape, Shape)
    assert shape.color is Color.BLUE
    assert isinstance(shape.corners, tuple)
    assert isinstance(shape.packs[0], tuple)
    assert isinstance(shape.center, Point)


def test_fields_that_a_line_lacks_have_their_defaults() -> None:
    line = '{"kind": "shape", "version": 3, "color": "red", "corners": [{"x": 1.0}]}'
    assert CODEC.decode(line) == Shape(Color.RED, (Point(1.0, 0.0),))


def test_a_line_without_a_version_is_of_version_1() -> None:
    assert Codec({"stop": Stop}, version=1).decode('{"kind": "stop"}') == Stop()


def test_numbers_that_are_not_finite_are_read_back() -> None:
    codec = Codec({"point": Point}, version=1)
    assert codec.decode(codec.encode(Point(float("inf"), float("-inf")))) == Point(float("inf"), float("-inf"))


def test_a_type_that_converts_itself_does_so() -> None:
    assert to_plain({"boiling": Celsius(100.0)}) == {"boiling": pytest.approx(373.15)}
    assert from_plain(Celsius, 373.15).degrees == pytest.approx(100.0)


def test_sets_are_written_as_lists_and_read_back() -> None:
    assert from_plain(frozenset[str], to_plain(frozenset({"a", "b"}))) == {"a", "b"}


@pytest.mark.parametrize(
    "line",
    [
        '{"kind": "circle", "version": 3}',
        '{"version": 3}',
        '{"kind": "stop", "version": 3, "reason": "none"}',
        '{"kind": "shape", "version": 3, "color": "red", "corners": [{"x": 1, "z": 2}]}',
        '{"kind": "shape", "version": 3, "color": "red"}',
        '{"kind": "shape", "version": 3, "color": "green", "corners": []}',
        "[1, 2]",
        "17",
        '{"kind": "stop", "ver',
        "",
    ],
    ids=["kind", "no kind", "extra field", "nested extra", "missing field", "enum", "list", "number", "torn", "empty"],
)
def test_a_line_that_is_no_message_of_the_channel_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, each kind of line has its own message
        CODEC.decode(line)


@pytest.mark.parametrize("version", ["2", "4", '"3"'])
def test_a_message_of_another_version_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"the message has version \d, and this program reads 3"):
        CODEC.decode(f'{{"kind": "stop", "version": {version}}}')

"""YAML scalars: reading them, refusing those that YAML 1.1 reads otherwise than people do, and formatting values."""

import math
import re
import unicodedata
from typing import Any

import yaml

from ablate.errors import StudyError, escaped
from ablate.options import Value

TAG_PREFIX = "tag:yaml.org,2002:"
DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?|[-+]?0[oO][0-7]+")
SCIENTIFIC = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")  # YAML 1.1 reads some of them as text
BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # reorder the text around them
NOT_FINITE = re.compile(r"[-+]?\.?(nan|inf|infinity)", re.IGNORECASE)
LONGEST_NUMBER = 40  # characters


def parse_scalar(text: str, tag: str, quoted: bool) -> Value:
    """The value of a scalar that YAML 1.1 resolved to `tag`.

    Raises StudyError, without a place, where people would read the text differently.
    """
    if quoted:
        return check_text(text)
    kind = tag.removeprefix(TAG_PREFIX)
    if kind == "null":
        return None
    if kind == "bool":
        return parse_bool(text)
    if NOT_FINITE.fullmatch(text):
        remedy = f"write a finite one, or {double_quoted(text)} for the text"
        raise StudyError(f"'{text}' is not a finite number", remedy)
    if kind in ("int", "float"):
        return parse_number(text, kind)
    if SCIENTIFIC.fullmatch(text):
        return parse_number(text, "float")
    if kind != "str":
        meaning = "a date" if kind == "timestamp" else "an instruction to YAML"
        raise StudyError(f"'{text}' is read as {meaning}", f"write {double_quoted(text)} for the text")
    if NUMBER.fullmatch(text):
        remedy = f"write {format_number(intended_number(text))}, or {double_quoted(text)} for the text"
        raise StudyError(f"'{text}' is read as text", remedy)
    return check_text(text)


def parse_bool(text: str) -> bool:
    """`true` or `false`.  Raises StudyError for the other 20 spellings of YAML 1.1: yes, off, TRUE, …"""
    value = yaml.SafeLoader.bool_values[text.lower()]
    if text not in ("true", "false"):
        meaning = "true" if value else "false"
        raise StudyError(f"'{text}' is read as {meaning}", f"write {meaning}, or {double_quoted(text)} for the text")
    return value


def parse_number(text: str, kind: str) -> int | float:
    """A decimal integer or a finite float.  Raises StudyError for octal, hexadecimal, base-60 and separated numbers."""
    if len(text) > LONGEST_NUMBER:
        raise StudyError(f"'{text[:LONGEST_NUMBER]}…' is too long for a number", "write fewer digits")
    is_decimal = DECIMAL.fullmatch(text) if kind == "int" else not re.search("[:_]", text)
    if not is_decimal:
        remedy = f"write that number, or {double_quoted(text)} for the text"
        raise StudyError(f"'{text}' is read as {yaml_number(text)}", remedy)
    if kind == "int":
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise StudyError(f"'{text}' is not a finite number", "write one below 1.8e+308")
    return value


def yaml_number(text: str) -> int | float:
    """The value that YAML 1.1 gives to an octal, hexadecimal, binary, base-60 or separated number."""
    value = yaml.safe_load(text)
    assert isinstance(value, int | float)
    return value


def intended_number(text: str) -> int | float:
    """The number that the author of a text such as `1e-5`, `08` or `0o17` most likely meant."""
    if "o" in text.lower():
        return int(text, 8)
    digits = text.replace("_", "")
    return int(digits) if digits.lstrip("+-").isdigit() else float(digits)


def format_number(value: int | float) -> str:
    """A number that YAML 1.1 reads as a number too: 1.0e-5 instead of 1e-5."""
    mantissa, e, exponent = repr(value).partition("e")
    if not e:
        return mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"


def check_text(text: str) -> str:
    """The text.  Raises StudyError for control characters other than newline and tab, and for those that reorder."""
    for character in text:
        is_control = unicodedata.category(character) == "Cc" and character not in "\n\t"
        if is_control or character in BIDIRECTIONAL:
            problem = f"the text holds the control character {character.encode('unicode_escape').decode()}"
            raise StudyError(problem, "remove it")
    return text


def needs_no_quotes(text: str) -> bool:
    """Whether the text, written without quotes, is read as this same text."""
    resolver: Any = yaml.SafeLoader("")
    try:
        return parse_scalar(text, resolver.resolve(yaml.ScalarNode, text, (True, False)), quoted=False) == text
    except StudyError:
        return False


def double_quoted(text: str) -> str:
    return f'"{text}"'


def format_value(value: object) -> str:
    """A value as messages quote it; text and lists are cut to about 60 characters."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return format_number(value)
    if isinstance(value, str):
        return f"'{truncate(escaped(value))}'"
    if isinstance(value, list | tuple):
        return truncate(f"[{', '.join(format_value(item) for item in value)}]")
    return "a mapping"


def truncate(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

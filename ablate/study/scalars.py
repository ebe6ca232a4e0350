"""One word of a YAML file → one value, or why it does not mean what it seems to mean."""

import math
import re
import unicodedata
from typing import Any

import yaml

from ablate.errors import StudyError
from ablate.options import Value

TAG = "tag:yaml.org,2002:"
DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?|[-+]?0[oO][0-7]+")
NO_NUMBER = re.compile(r"[-+]?\.?(nan|inf|infinity)", re.IGNORECASE)
LONGEST_NUMBER = 40  # characters


def scalar(text: str, tag: str, quoted: bool) -> Value:
    """The value of a scalar that YAML 1.1 resolved to `tag`; StudyError where people would read it differently."""
    if quoted:
        return checked(text)
    kind = tag.removeprefix(TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return truth(text)
    if NO_NUMBER.fullmatch(text):
        raise StudyError(f"'{text}' is not a finite number", f"write a finite one, or {quotes(text)} for the text")
    if kind in ("int", "float"):
        return number(text, kind)
    if kind != "str":
        meaning = "a date" if kind == "timestamp" else "an instruction to YAML"
        raise StudyError(f"'{text}' is read as {meaning}", f"write {quotes(text)} for the text")
    if NUMBER.fullmatch(text):
        raise StudyError(f"'{text}' is read as text", f"write {spelled(meant(text))}, or {quotes(text)} for the text")
    return checked(text)


def truth(text: str) -> bool:
    """YAML 1.1 knows 22 words for true and false; these two are enough."""
    value = yaml.SafeLoader.bool_values[text.lower()]
    if text not in ("true", "false"):
        meaning = "true" if value else "false"
        raise StudyError(f"'{text}' is read as {meaning}", f"write {meaning}, or {quotes(text)} for the text")
    return value


def number(text: str, kind: str) -> int | float:
    """Decimal integers and finite floats; no octals, no base 60, no separators."""
    if len(text) > LONGEST_NUMBER:
        raise StudyError(f"'{text[:LONGEST_NUMBER]}…' is too long for a number", "write fewer digits")
    if kind == "int" and not DECIMAL.fullmatch(text):
        raise StudyError(f"'{text}' is read as {as_yaml(text)}", f"write that number, or {quotes(text)} for the text")
    if kind == "int":
        return int(text)
    if ":" in text or "_" in text:
        raise StudyError(f"'{text}' is read as {as_yaml(text)}", f"write that number, or {quotes(text)} for the text")
    value = float(text)
    if not math.isfinite(value):
        raise StudyError(f"'{text}' is not a finite number", "write one below 1.8e+308")
    return value


def as_yaml(text: str) -> int | float:
    """What YAML 1.1 makes of octal, hexadecimal, binary, base-60 and separated numbers."""
    value = yaml.safe_load(text)
    assert isinstance(value, int | float)
    return value


def meant(text: str) -> int | float:
    """The number that looks out of a text."""
    if "o" in text.lower():
        return int(text, 8)
    bare = text.replace("_", "")
    return int(bare) if bare.lstrip("+-").isdigit() else float(bare)


def spelled(value: int | float) -> str:
    """A number as YAML 1.1 and people both read it: 1.0e-5."""
    mantissa, e, exponent = repr(value).partition("e")
    if not e:
        return mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"


def checked(text: str) -> str:
    """Text without control characters."""
    for character in text:
        if unicodedata.category(character) == "Cc" and character not in "\n\t":
            problem = f"the text holds the control character {character.encode('unicode_escape').decode()}"
            raise StudyError(problem, "remove it")
    return text


def is_plain(text: str) -> bool:
    """Whether the text may stand in a file without quotes and still be this text."""
    resolver: Any = yaml.SafeLoader("")
    try:
        return scalar(text, resolver.resolve(yaml.ScalarNode, text, (True, False)), quoted=False) == text
    except StudyError:
        return False


def quotes(text: str) -> str:
    return f'"{text}"'


def shown(value: object) -> str:
    """A value as a message quotes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return spelled(value)
    if isinstance(value, str):
        return f"'{shortened(escaped(value))}'"
    if isinstance(value, list | tuple):
        return shortened(f"[{', '.join(shown(item) for item in value)}]")
    return "a mapping"


def escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

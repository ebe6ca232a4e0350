"""Printing to the terminal: the two streams, JSON, and how values and durations are written."""

import json
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from rich.console import Console
from rich.text import Text

from ablate.errors import escaped
from ablate.study.words import NO_WORDS, Words


class SafeConsole(Console):
    """A console that escapes what a terminal would act on; line ends stay."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(escaped, text.split("\n"))), **options)


verbatim = partial(SafeConsole, highlight=False, markup=False, emoji=False)  # names and reasons may hold brackets
OF_TRAINING = ("train/", "training/", "embedding/")  # before the names of metrics that no probe computes
out = verbatim(soft_wrap=True)  # standard output
aside = verbatim(stderr=True)


def print_aside(line: str | Text) -> None:
    """Print a line to standard error; a terminal gets breaks between words.

    A line with a word that is longer than the terminal is wide, such as a path or a link, is left to the terminal.
    """
    text = aside.render_str(line) if isinstance(line, str) else line
    whole = not aside.is_terminal or any(len(word) > aside.width for word in text.plain.split())
    aside.print(text, soft_wrap=whole)


def values(metrics: Mapping[str, float], most: int = 3, words: Words = NO_WORDS) -> str:
    """The first few metrics, with four digits, in the words of a study."""
    return "  ".join(words.value(name, value) for name, value in list(metrics.items())[:most])


def scores(metrics: Mapping[str, float], first: str = "") -> dict[str, float]:
    """The metrics named `first`, then the scores of probes: not those of training, nor of the samples it has seen."""
    shown = [name for name in metrics if not (name.startswith(OF_TRAINING) or "/train_" in name)]
    return {name: metrics[name] for name in dict.fromkeys([first] * (first in metrics) + shown)}


def span(seconds: float) -> str:
    """`50 s`, `12 min`, `3 h 20 min`"""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def clock(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`"""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def size(count: int) -> str:
    """`512 B`, `1.4 MB`, `23 GB`; a unit is a thousand of the one before."""
    units = ["B", "kB", "MB", "GB", "TB"]
    power = min(len(units) - 1, max(0, (len(str(count)) - 1) // 3))
    return f"{count / 1000**power:.3g} {units[power]}"


def print_json(content: Any) -> None:
    """Print a value as JSON to standard output."""
    json.dump(content, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")

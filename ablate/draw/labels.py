"""Levels and variants as text, in figures and reports."""

from collections.abc import Iterable

from ablate.draw.style import is_share
from ablate.options import Value
from ablate.stats.variants import CASE_AXES, Variant
from ablate.trial import short


def in_words(name: str) -> str:
    """The name of a metric or a setting in words: `linear/error_rate` → `linear error rate`, `method.k` → `k`."""
    return short(name).replace("/", " ").replace("_", " ")


def metric_text(metric: str) -> str:
    """A metric in words, with its unit: `linear accuracy (%)`."""
    return in_words(metric) + (" (%)" if is_share(metric) else "")


def without_middle(text: str, most: int) -> str:
    """The text, or its beginning and its end where it has more than so many letters: `a long na…me 12`."""
    end = most // 2
    return text if len(text) <= most else f"{text[: most - end - 1]}…{text[-end:]}"


def level_text(level: Value) -> str:
    """A level as text: 5.0 → `5`, True → `on`, None → `none`."""
    if isinstance(level, bool):
        return "on" if level else "off"
    if level is None:
        return "none"
    return f"{level:.6g}" if isinstance(level, float) else str(level)


def variant_label(variant: Variant, axes: Iterable[str]) -> str:
    """The variant's levels on those of the axes that it has: `fsdd, k=50`."""
    return ", ".join(
        str(variant.level(axis)) if axis in CASE_AXES else f"{short(axis)}={level_text(variant.level(axis))}"
        for axis in axes
        if variant.has(axis)
    )

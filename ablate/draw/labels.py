"""Variants as text, in figures and reports."""

from collections.abc import Iterable

from ablate.stats.variants import Variant


def without_middle(text: str, most: int) -> str:
    """The text, or its beginning and its end where it has more than so many letters: `a long na…me 12`."""
    end = most // 2
    return text if len(text) <= most else f"{text[: most - end - 1]}…{text[-end:]}"


def variant_label(variant: Variant, axes: Iterable[str]) -> str:
    """The variant's levels on those of the axes that it has, in the study's words: `fsdd, k=50`."""
    return variant.words.assignments(variant.every_level, axes)

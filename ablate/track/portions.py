"""Long lists in portions: a request or a query takes only so many values."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def portions(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in order, at most `size` at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))

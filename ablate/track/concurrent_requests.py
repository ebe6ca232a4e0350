"""Several requests to MLflow at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

CONCURRENT = 8  # requests at a time

T = TypeVar("T")
R = TypeVar("R")


def concurrently(request: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The answers to a request for each of the items, in their order."""
    with ThreadPoolExecutor(CONCURRENT) as pool:
        return list(pool.map(request, items))

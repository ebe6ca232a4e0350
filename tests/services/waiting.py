"""Waiting for servers and for what they are to do: they send no notice."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 800.0  # seconds; the machine may be busy


def wait_until(found: Callable[[], T], what: Callable[[], str]) -> T:
    """What `found` returns once that is true; `what` says what was waited for in vain."""
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)
    return value

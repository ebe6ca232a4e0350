"""Times as MLflow has them: whole milliseconds since 1970."""

import time


def now() -> int:
    return time.time_ns() // 1_000_000


def milliseconds(seconds: float) -> int:
    """Seconds since 1970 as MLflow has them."""
    return round(1000 * seconds)

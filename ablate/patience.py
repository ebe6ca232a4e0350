"""For how long requests are repeated where a service does not answer: the one place for these limits.

A launch in a terminal waits as one in a batch job does, since who watches it can end it.  Commands that only read wait
for the seconds in `ablate.track.retry`.
"""

from collections.abc import Callable

Patience = float | Callable[[], float]  # seconds; or what returns them, and less once there is no more time

LAUNCH = 300.0  # seconds, at start, in the middle and at the end: a server that restarts or is moved is back by then
STOPPING = 30.0  # for a launch that was asked to stop: a batch system kills it soon, Slurm here after two minutes
SHORT = 60.0  # where something else comes after: a later round of checks, the driver's upload, another embedded server
SEARCH_START = 120.0  # for the database of a search, while the driver waits for the conductor
AFTER_ERROR = 10.0  # for the last records of a launch that ends with an error or by a second signal


def seconds(patience: Patience) -> float:
    return patience() if callable(patience) else patience

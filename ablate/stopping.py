"""Requests to stop, as files that workers look up: one for a whole study, or one for a single trial."""

from contextlib import suppress
from dataclasses import dataclass

from ablate.atomic_write import write_text
from ablate.codec import Codec
from ablate.events import State
from ablate.paths import StudyPaths


@dataclass(frozen=True)
class StopRequest:
    """A request to end a running trial, in the state that is recorded for it."""

    state: State
    reason: str


STOP_REQUEST: Codec[StopRequest] = Codec({"stop": StopRequest}, version=1)
BY_USER = StopRequest(State.STOPPED, "stopped on request")


def request_stop(paths: StudyPaths, key: str, request: StopRequest) -> None:
    """Ask the worker that trains a trial to end it, in the state and for the reason of the request."""
    file = paths.trial(key).stop
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, STOP_REQUEST.encode(request))


def stop_request(paths: StudyPaths, key: str) -> StopRequest | None:
    """The request that concerns a trial: the study's, else its own, else None."""
    if paths.stop.exists():
        return BY_USER
    with suppress(FileNotFoundError):
        return STOP_REQUEST.decode(paths.trial(key).stop.read_text(encoding="utf-8"))
    return None


def clear_stop_requests(paths: StudyPaths) -> None:
    """Remove the requests that an earlier launch left; only the process that launches the study may call this."""
    for file in (paths.stop, *paths.trials.glob("*/stop.json")):
        file.unlink(missing_ok=True)

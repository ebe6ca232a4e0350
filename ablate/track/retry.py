"""Repeats a request to MLflow until the server answers, a few times."""

import functools
import sqlite3
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ablate.errors import AblateError, ServiceError
from ablate.track.client import redact, refused

DELAYS = (0.5, 2.0, 5.0)  # seconds before each repetition


class HasUri(Protocol):
    """An object whose methods send requests to a server."""

    uri: str


S = TypeVar("S", bound=HasUri)
P = ParamSpec("P")
T = TypeVar("T")


def retried(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Call the method again where MLflow does not answer, then raise ServiceError; a repeated call must do no harm.

    Denied access (401, 403) is such a case: a proxy in front of the server may renew its credentials meanwhile.
    """

    @functools.wraps(method)
    def repeat(owner: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        for delay in (*DELAYS, None):
            try:
                return method(owner, *args, **kwargs)
            except AblateError:
                raise
            except Exception as error:  # raised again, unless it came from MLflow's client or the network
                if not is_service_error(error):
                    raise
                if delay is None or refused(error):
                    raise service_error(error, owner.uri) from None
                time.sleep(delay)  # a server that restarts needs seconds
        raise AssertionError  # the last repetition returns or raises

    return repeat


def is_service_error(error: Exception) -> bool:
    """Whether a client of MLflow, the network or the database raised it."""
    if type(error).__module__.startswith("mlflow."):  # of MLflow's own client, which is rarely imported
        return True
    from requests.exceptions import RequestException

    from ablate.track.rest import RestError

    return isinstance(error, RestError | RequestException | sqlite3.Error)


def service_error(error: Exception, uri: str) -> ServiceError:
    remedy = "see whether the MLflow server runs and accepts your credentials"
    return ServiceError(f"MLflow does not answer: {redact(error)}", remedy, redact(uri))

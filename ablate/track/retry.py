"""Repeats a request to MLflow until the server answers: for seconds, or for minutes where a launch depends on it."""

import functools
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ablate.errors import AblateError, ServiceAway, ServiceError
from ablate.patience import Patience, seconds
from ablate.track.client import http_status, redact, refused

DELAYS = (0.5, 2.0, 5.0)  # seconds before the first repetitions, which commands that only read make as well
LONGEST_DELAY = 15.0  # seconds before each further one
DENIED = (401, 403)

logger = logging.getLogger(__name__)


class SendsRequests(Protocol):
    """An object whose methods send requests to a server."""

    uri: str
    patience: float  # seconds for which a request is repeated; with 0, after DELAYS only; read while one is repeated


S = TypeVar("S", bound=SendsRequests)
P = ParamSpec("P")
T = TypeVar("T")


def retried(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Call the method again where MLflow does not answer, for the owner's `patience`; a repeated call must do no harm.

    Raises ServiceAway where it still does not answer then, and ServiceError where it answers and refuses.
    """

    @functools.wraps(method)
    def call(owner: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return repeat(lambda: method(owner, *args, **kwargs), owner.uri, lambda: owner.patience)

    return call


def repeat(request: Callable[[], T], uri: str, patience: Patience = 0.0) -> T:
    """The answer to a request, which is repeated as `retried` says."""
    waits = delays(patience)
    told = False
    while True:
        try:
            return request()
        except AblateError:
            raise
        except Exception as error:  # raised again, unless it came from MLflow's client or the network
            if not is_service_error(error):
                raise
            delay = None if refused(error) else next(waits, None)
            if delay is None or (delay not in DELAYS and not may_pass(error)):
                raise service_error(error, uri) from None
            if delay not in DELAYS and not told:
                told = True
                logger.warning("%s does not answer; waiting for it, at most %.0f s", redact(uri), seconds(patience))
            time.sleep(delay)  # a server that restarts needs seconds, one that is moved minutes


def delays(patience: Patience) -> Iterator[float]:
    """Seconds before each repetition: `DELAYS`, then `LONGEST_DELAY` until `patience` seconds have passed."""
    began = time.monotonic()
    yield from DELAYS
    while time.monotonic() - began < seconds(patience):
        yield LONGEST_DELAY


def may_pass(error: Exception) -> bool:
    """Whether the cause may go away within minutes.

    Denied access (401, 403) is repeated for seconds only, as a proxy in front of the server may renew its credentials;
    a certificate that is not trusted, an address that is none and a damaged database stay as they are.
    """
    from requests import exceptions

    invalid = (exceptions.InvalidURL, exceptions.InvalidSchema, exceptions.MissingSchema, sqlite3.Error)
    untrusted = isinstance(error, exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)
    return not isinstance(error, invalid) and not untrusted and http_status(error) not in DENIED


def is_service_error(error: Exception) -> bool:
    """Whether a client of MLflow, the network or the database raised it."""
    if type(error).__module__.startswith("mlflow."):  # of MLflow's own client, which is rarely imported
        return True
    from requests.exceptions import RequestException

    from ablate.track.rest import RestError

    return isinstance(error, RestError | RequestException | sqlite3.Error)


def service_error(error: Exception, uri: str) -> ServiceError:
    """ServiceAway for what may pass, ServiceError for what stays."""
    if http_status(error) in DENIED:
        return denial(error, redact(uri))
    remedy = "see whether the MLflow server runs and accepts your credentials"
    kind = ServiceAway if may_pass(error) and not refused(error) else ServiceError
    return kind(f"MLflow does not answer: {redact(error)}", remedy, redact(uri))


def denial(error: Exception, place: str) -> ServiceError:
    """Who is not let in, or what is not allowed."""
    if http_status(error) == 401:
        problem = "MLflow does not accept the user and password, or the token, of this request (401)"
        remedy = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or a new MLFLOW_TRACKING_TOKEN"
        return ServiceError(problem, remedy, place)
    if "Permission denied" in str(error):
        problem = (
            "MLflow does not allow this to your user: you may not change, or not see, the study's experiment (403)"
        )
        remedy = "have its owner grant the permission MANAGE, or give the study another name"
        return ServiceError(problem, remedy, place)
    return ServiceError(f"MLflow denies access (403): {redact(error)}", "add the host to its --allowed-hosts", place)

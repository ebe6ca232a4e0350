"""The MLflow server: the one that MLFLOW_TRACKING_URI names, or an embedded one that belongs to the store."""

import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ablate.errors import ServiceAway, ServiceError
from ablate.paths import Store
from ablate.process import Process, alive, current_process
from ablate.track.client import connect, http_status, redact, refused
from ablate.track.named_server import VARIABLE, check_address, named_server
from ablate.track.retry import DENIED, denial, is_service_error, may_pass, repeat
from ablate.track.server_end import end, leave
from ablate.track.server_info import START, ServerInfo, lock_server
from ablate.track.server_start import answers, start, usual_port


@dataclass(frozen=True)
class Server:
    """A server that answers; one that is not embedded has neither process nor file."""

    uri: str
    process: Process | None
    started_here: bool
    file: Path | None = None

    @property
    def alive(self) -> bool:
        """Whether its process is alive; a server that is not embedded counts as alive."""
        return self.process is None or alive(self.process)

    def stop(self) -> None:
        """Stop using an embedded server, or the one that has replaced it; the last of its living users ends it."""
        if self.file is None:
            return
        with lock_server(self.file, START):
            info = ServerInfo.load(self.file)
            if info is not None and current_process() in info.users:
                leave(info, self.file)


def ensure_server(store: Store, patience: float = 0.0) -> Server:
    """The server that MLFLOW_TRACKING_URI names, else the store's embedded one, started if it does not run.

    A named server that does not answer is asked again for `patience` seconds.  Called again after the embedded server
    died, it starts another at the same address.  Raises ServiceError where the
    named server does not answer, or the embedded one runs on another machine or does not start.
    """
    given = named_server()
    if given:
        check_server(given, patience)
        return Server(given, None, started_here=False)
    store.mlflow.mkdir(parents=True, exist_ok=True)
    file = store.server
    with lock_server(file, START):
        info = ServerInfo.load(file)
        if info and info.host != socket.gethostname():
            problem = f"the store's MLflow server runs on '{info.host}', and answers only there"
            raise ServiceError(problem, "launch there, set MLFLOW_TRACKING_URI, or remove this file", str(file))
        users = tuple(sorted({*filter(alive, info.users if info else ()), current_process()}))
        if info is not None and answers(info):
            replace(info, users=users).save(file)
            return Server(info.uri, info.process, False, file)
        if info is not None:
            end(info.mark)  # what is left of it
        info = start(store, info.port if info else usual_port(store), users)
    return Server(info.uri, info.process, True, file)


def forget_dead_server(store: Store) -> None:
    """Remove the file of an embedded server that has died with all of its users, as after a power failure."""
    file = store.server
    if not file.exists():
        return
    with suppress(ServiceError, OSError), lock_server(file):
        info = ServerInfo.load(file)
        if info is not None:
            if info.host != socket.gethostname() or any(map(alive, (info.process, *info.users))):
                return
            end(info.mark)  # its children may hold the port
        file.unlink(missing_ok=True)


def check_server(uri: str, patience: float = 0.0) -> None:
    """Raise ServiceError unless MLflow answers at this address and accepts the credentials in the environment.

    One that does not answer is asked again for `patience` seconds, then ServiceAway is raised; one that denies access
    is not asked again.
    """
    check_address(uri)
    place = f"{VARIABLE}={redact(uri)}"
    from ablate.track.rest import request_timeout  # with `requests`, which reading a database does not need

    request_timeout()  # a wrong variable is not the server's fault

    def ask() -> None:
        try:
            connect(uri).list_experiments()
        except Exception as error:  # of requests, MLflow or a plugin for the scheme: all mean that it cannot be used
            if http_status(error) in DENIED:
                raise denial(error, place) from None
            if patience and is_service_error(error):
                raise  # it is repeated
            raise unanswered(error, place) from None

    try:
        repeat(ask, uri, patience)
    except ServiceError as error:
        raise type(error)(error.problem, error.remedy, place) from None
    except Exception as error:  # of a plugin for the scheme
        raise unanswered(error, place) from None


def unanswered(error: Exception, place: str) -> ServiceError:
    remedy = "start it, correct the address, or unset the variable to use an embedded server"
    kind = ServiceAway if may_pass(error) and not refused(error) else ServiceError
    return kind(f"MLflow does not answer: {redact(error)}", remedy, place)

"""The file that describes the store's embedded MLflow server."""

import json
import socket
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from ablate.atomic_write import write_text
from ablate.errors import ServiceError
from ablate.lock import locked
from ablate.paths import Store
from ablate.process import Process, alive

VERSION = 1  # of the file
START = 300.0  # seconds that a server may take until it answers: other processes may use most of the processor


@dataclass(frozen=True)
class ServerInfo:
    """The store's embedded server, as `server.json` describes it."""

    host: str
    port: int
    pid: int
    created: float  # seconds since 1970: with the pid it identifies the process
    mark: str  # value of the environment variable ABLATE_SERVER of its processes
    users: tuple[Process, ...]  # processes that need the server

    @classmethod
    def load(cls, file: Path) -> "ServerInfo | None":
        """Read the file, version 0.1's without a version too; None where it does not exist or is damaged.

        Raises ServiceError for a file of another version: the server that it describes may run.
        """
        try:
            content = dict(json.loads(file.read_text(encoding="utf-8")))
            if (version := content.pop("version", VERSION)) != VERSION:
                problem = f"this describes an MLflow server that another version of ablate started ({version})"
                raise ServiceError(problem, "use that version, or end that server and remove this file", str(file))
            users = tuple((int(pid), float(created)) for pid, created in content["users"])
            return cls(**{**content, "users": users})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, file: Path) -> None:
        """Replace the file in one step."""
        write_text(file, json.dumps({"version": VERSION, **asdict(self)}))

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> Process:
        return self.pid, self.created


def embedded_artifacts(store: Store, uri: str) -> Path | None:
    """The folder of the artifacts of the store's embedded server, where that server has this address; else None."""
    info = ServerInfo.load(store.server)
    if info is None or info.uri != uri or info.host != socket.gethostname() or not alive(info.process):
        return None
    return store.artifacts


def lock_server(file: Path, patience: float = 0.0) -> AbstractContextManager[None]:
    """Hold the lock of the server that a file describes: one process at a time starts, joins or ends it.

    Raises ServiceError if another process still has it after `patience` seconds.
    """
    return locked(file.with_suffix(".lock"), patience, "another process starts or stops MLflow")

"""The file that describes the store's embedded MLflow server."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ablate.atomic_write import write_text
from ablate.process import Process


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
        """Read the file; None where it does not exist or is damaged."""
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            users = tuple((int(pid), float(created)) for pid, created in content["users"])
            return cls(**{**content, "users": users})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, file: Path) -> None:
        """Replace the file in one step."""
        write_text(file, json.dumps(asdict(self)))

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> Process:
        return self.pid, self.created

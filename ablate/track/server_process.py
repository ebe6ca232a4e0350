"""The process of the embedded MLflow server, which ends once none of the processes that use it is left."""

import importlib
import os
import runpy
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from ablate.errors import ServiceError
from ablate.lock import locked
from ablate.process import Process, alive, identify
from ablate.track.server_end import MARK, end
from ablate.track.server_info import START, ServerInfo, lock_server

INTERVAL = 1.0  # seconds between two looks at the users
ARTIFACTS = "mlflow-artifacts:/"  # where `mlflow server` puts the artifacts of the default experiment
GRACE = 5.0  # seconds without a user after which the server ends: the next launch may follow at once


def end_without_users(file: Path, starter: Process) -> None:
    """End all processes of this server once it has had no living user for a while.

    `starter` counts as the user until the file describes this server.
    """
    mark = os.environ[MARK]
    last_used = time.monotonic()
    while True:
        time.sleep(INTERVAL)
        if any(map(alive, users_of(file, mark, starter))):
            last_used = time.monotonic()
        elif time.monotonic() - last_used > GRACE:
            with suppress(ServiceError, OSError), lock_server(file):  # else one starts or stops it
                if not any(map(alive, users_of(file, mark, starter))):
                    end_all(file, mark)


def users_of(file: Path, mark: str, starter: Process) -> tuple[Process, ...]:
    """The processes that use the server with this mark, by its file; none where another server has taken its place."""
    info = ServerInfo.load(file)
    if info is None:
        return (starter,)
    return info.users if info.mark == mark else ()


def end_all(file: Path, mark: str) -> None:
    """End the server's other processes, remove its file, and end this process."""
    end(mark)
    info = ServerInfo.load(file)
    if info is not None and info.mark == mark:
        file.unlink(missing_ok=True)
    os._exit(0)


def ensure_database(file: Path) -> None:
    """Make MLflow's database unless it is there whole; one process at a time.

    Another server may be at it: that of a launch that was killed ends a few seconds later.
    """
    with locked(file.with_suffix(".lock"), START, "another process makes MLflow's database"):
        if not file.exists() or is_half_made(file):
            make_database(file)


def make_database(file: Path) -> None:
    """Make MLflow's database, or replace one that is half made, in one step: a kill or a full disk leaves no part."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"sqlite:///{unfinished}", ARTIFACTS)  # type: ignore[no-untyped-call]  # of MLflow
    store.engine.dispose()
    unfinished.replace(file)


def is_half_made(file: Path) -> bool:
    """Whether the database has no experiment: MLflow writes one as soon as it has made all tables.

    Earlier versions left such a database where the server was killed, or the disk was full, while it made the tables.
    """
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(file)) as database:  # damaged: MLflow says so
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return "experiments" not in names or not database.execute("SELECT 1 FROM experiments LIMIT 1").fetchone()
    return False


def serve_here(command: Sequence[str], *, extra_env: Mapping[str, str], **options: object) -> None:
    """Run the command `python -m uvicorn ...` in this process, with these variables in its environment."""
    os.environ.update(extra_env)
    sys.argv = list(command[2:])
    runpy.run_module("uvicorn", run_name="__main__", alter_sys=True)


def main() -> None:
    """Run `mlflow server` in its folder.

    The arguments are the server's file, the PID of the process that starts it, the database, and those of MLflow.
    """
    starter = int(sys.argv[2])
    born = identify(starter) if os.getppid() == starter else (starter, 0.0)  # 0: it has ended already
    threading.Thread(target=end_without_users, args=(Path(sys.argv[1]), born), daemon=True).start()
    database = Path(sys.argv[3])  # relative to this folder, whose own name may hold '?' or '#'
    sys.argv = ["mlflow", "server", "--backend-store-uri", f"sqlite:///{database}", *sys.argv[4:]]
    importlib.import_module("uvicorn")  # before MLflow, which adds its routes only where a server is loaded
    ensure_database(database)
    from mlflow import server
    from mlflow.cli import cli

    # else a second process imports MLflow again: 7 CPU seconds of each start; a later MLflow without this
    # function starts that process
    server._exec_cmd = serve_here  # type: ignore[assignment, attr-defined]  # a private name
    cli()


if __name__ == "__main__":
    main()

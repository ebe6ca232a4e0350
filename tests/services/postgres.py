"""A real PostgreSQL server on this machine for tests, which they may kill and start again."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from .network import free_port

SETTINGS = ("fsync=off", "max_connections=200")  # off: a killed process loses nothing by it, only a killed machine does


@dataclass
class Postgres:
    """A server that asks for the password of its user `mlflow`."""

    folder: Path
    programs: Path
    password: str
    host: str  # that it listens on
    port: int

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = [f"-p {self.port}", f"-c listen_addresses={self.host}", f"-c unix_socket_directories={self.folder}"]
        options += [f"-c {setting}" for setting in SETTINGS]
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "300", "-l", log, "-o", " ".join(options), "start")

    def kill(self) -> None:
        """Kill all of its processes."""
        first = psutil.Process(int(Path(self.data, "postmaster.pid").read_text().splitlines()[0]))
        killed = [first, *first.children(recursive=True)]
        for process in killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(killed, timeout=60)

    def create_database(self, name: str) -> None:
        self.run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", "mlflow", name)

    @property
    def data(self) -> str:
        return str(self.folder / "data")


@contextmanager
def postgres(password: str, *databases: str, host: str = "127.0.0.1") -> Iterator[Postgres]:
    """A server with these databases, which exists inside the block."""
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("this test needs Debian's package postgresql")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:  # a socket's path has 107 bytes at most
        server = Postgres(Path(folder), programs, password, host, free_port())
        secret = server.folder / "password"
        secret.write_text(password)
        if os.geteuid() == 0:
            for path in (server.folder, secret):
                shutil.chown(path, "postgres")
        rules = ["--auth-host=scram-sha-256", "--auth-local=trust", "--no-sync", "--locale=C.UTF-8"]
        server.run("initdb", "-D", server.data, "-U", "mlflow", f"--pwfile={secret}", *rules)
        with Path(server.data, "pg_hba.conf").open("a") as rules_of_hosts:
            rules_of_hosts.write("host all all samenet scram-sha-256\n")
        server.start()
        try:
            for name in databases:
                server.create_database(name)
            yield server
        finally:
            with suppress(OSError, subprocess.CalledProcessError):
                server.run("pg_ctl", "-D", server.data, "-m", "immediate", "-w", "stop")

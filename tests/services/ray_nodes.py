"""A Ray cluster on this machine whose nodes have addresses of their own, and can be killed whole as by a power failure.

A node is a network, process, mount and host name namespace on a bridge; nothing is left behind.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from .network import Network, enter, first_process, require_namespaces

PATIENCE = 300.0  # seconds; other processes may use most of the processor
PORT = 6379
QUICK = {
    "RAY_prestart_worker_first_driver": "0",  # these would be used by nothing
    "RAY_health_check_period_ms": "1000",  # a node that died is known after five tries; a slow one still has its time
}
RAY = str(Path(sys.executable).with_name("ray"))


@dataclass
class RayNodes:
    """Nodes by number; node 0 is the head."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="rn", dir="/tmp")))  # short: sockets
    network: Network = field(default_factory=Network)
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    started: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to use the cluster."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, "RAY_USAGE_STATS_ENABLED": "0"}

    @property
    def address(self) -> str:
        return f"{self.ip(0)}:{PORT}"

    def ip(self, node: int) -> str:
        return self.network.address(node)

    def start(
        self, node: int, cpus: int = 1, environment: Mapping[str, str | None] | None = None, hide: Path | None = None
    ) -> None:
        """Start a node and wait until it belongs to the cluster; it sees an empty folder in place of `hide`."""
        if node not in self.network.connected():
            self.network.connect(node)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:  # a raylet ends where its agent is slow
            self.started[node] = self.spawn(node, cpus, environment or {}, hide)
            if self.joined(node):
                return
            self.kill(node)
        raise AssertionError(self.log(node).read_text())

    def log(self, node: int) -> Path:
        return self.folder / f"{node}.log"

    def spawn(
        self, node: int, cpus: int, environment: Mapping[str, str | None], hide: Path | None
    ) -> subprocess.Popen[bytes]:
        head = ["--head", "--port", str(PORT), "--include-dashboard=false", "--no-monitor"]
        start = [RAY, "start", "--block", "--disable-usage-stats", "--node-ip-address", self.ip(node)]
        start += [*(["--address", self.address] if node else head), "--num-cpus", str(cpus)]
        start += ["--object-store-memory", str(80 * 2**20), "--include-log-monitor=false"]
        if not node:
            start += ["--temp-dir", str(self.folder / "0")]
        setup = f"hostname node{node}"
        if hide is not None:
            setup += f"; mount -t tmpfs none '{hide}'"
        command = self.network.command(node, setup, *start)
        changed = {**os.environ, **QUICK, **self.environment, **environment}
        with self.log(node).open("wb") as out:
            return subprocess.Popen(
                command,
                env={name: value for name, value in changed.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def joined(self, node: int) -> bool:
        """Whether the node says that its Ray runs, rather than ending."""
        return self.until(lambda: "Ray runtime started" in self.log(node).read_text(), node)

    def until(self, seen: Callable[[], Any], node: int) -> bool:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.started[node].poll() is None:
            if seen():
                return True
            time.sleep(0.2)
        return False

    def inside(self, node: int, *command: str) -> list[str]:
        """A command line that runs a command as a process of the node."""
        return enter(first_process(self.started[node]), *command)

    def processes(self, node: int) -> list[psutil.Process]:
        """All that the node's first process has started."""
        return first_process(self.started[node]).children(recursive=True)

    def kill(self, node: int) -> None:
        """End all processes of a node at once."""
        started = self.started.pop(node)
        with suppress(psutil.NoSuchProcess, IndexError):
            first_process(started).kill()
        started.kill()
        started.wait()

    def end(self) -> None:
        """End all nodes, and remove their network and files."""
        for node in list(self.started):
            self.kill(node)
        self.network.end()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def ray_nodes() -> Iterator[RayNodes]:
    """An empty cluster; what is started in it ends with the context."""
    require_namespaces()
    nodes = RayNodes()
    try:
        yield nodes
    finally:
        nodes.end()

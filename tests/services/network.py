"""Free ports, and network namespaces with addresses of their own on a bridge, as the nodes of a cluster have them.

All names hold the PID of the test process, so that two runs do not meet.
"""

import os
import secrets
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest


def require_namespaces() -> None:
    """Skip a test where namespaces cannot be made, and say what is missing."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    commands = {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux"}
    packages = {package for command, package in commands.items() if shutil.which(command) is None}
    if packages:
        pytest.skip(f"needs the Debian packages {', '.join(sorted(packages))}")


@dataclass
class Network:
    """Namespaces by number, and this machine's own address on their bridge."""

    prefix: str = "rn"  # two letters
    mark: str = field(default_factory=lambda: f"{os.getpid():x}")
    subnet: str = field(default_factory=lambda: f"10.{100 + secrets.randbelow(100)}.{secrets.randbelow(250)}")

    @property
    def host(self) -> str:
        """The address of this machine as the namespaces see it."""
        return f"{self.subnet}.1"

    @property
    def bridge(self) -> str:
        return f"{self.prefix}b{self.mark}"

    def address(self, node: int) -> str:
        return f"{self.subnet}.{10 + node}"

    def namespace(self, node: int) -> str:
        return f"{self.prefix}{self.mark}-{node}"

    def wire(self, node: int) -> str:
        """The end of a namespace's connection that is on the bridge."""
        return f"{self.prefix}w{self.mark}-{node}"

    def connected(self) -> list[int]:
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
        return [int(name.partition("-")[2]) for name in listed if name.startswith(f"{self.prefix}{self.mark}-")]

    def connect(self, node: int) -> None:
        """Make a namespace, and the bridge before the first one."""
        self.make_bridge()
        space, wire = self.namespace(node), self.wire(node)
        ip("netns", "add", space)
        ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("link", "set", wire, "master", self.bridge, "up")
        ip("-n", space, "addr", "add", f"{self.address(node)}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", space, "link", "set", device, "up")

    def make_bridge(self) -> None:
        if not Path("/sys/class/net", self.bridge).exists():
            ip("link", "add", self.bridge, "type", "bridge")
            ip("addr", "add", f"{self.host}/24", "dev", self.bridge)
            ip("link", "set", self.bridge, "up")

    def command(self, node: int, setup: str, *command: str) -> list[str]:
        """A command line that runs a command as the first process of a node, after these commands of a shell."""
        space = ["ip", "netns", "exec", self.namespace(node), "unshare", "--pid", "--uts", "--mount", "--fork"]
        return [*space, "--kill-child", "--mount-proc", "sh", "-c", f'{setup}; exec "$@"', "sh", *command]

    def end(self) -> None:
        """Remove all namespaces and the bridge.

        A connection is removed first: the kernel would keep it, and its name, until the last process of its namespace
        has ended.
        """
        for node in self.connected():
            if Path("/sys/class/net", self.wire(node)).exists():
                ip("link", "del", self.wire(node))
            ip("netns", "del", self.namespace(node))
        if Path("/sys/class/net", self.bridge).exists():
            ip("link", "del", self.bridge)


def first_process(started: subprocess.Popen[bytes]) -> psutil.Process:
    """The first process of a node that was started by such a command line; all others of the node end with it."""
    return psutil.Process(started.pid).children()[0]


def enter(first: psutil.Process, *command: str) -> list[str]:
    """A command line that runs a command as a further process of the node."""
    return ["nsenter", "--target", str(first.pid), "--net", "--pid", "--uts", "--mount", *command]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def free_port() -> int:
    """A port of this machine that no process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

"""What a launch imports, where it listens and what it writes: not its folder, this machine only, no password."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ablate.cluster.ray_environment import cluster_address, ray_environment
from ablate.errors import ServiceError

from .conftest import Command, WorkingDirectory
from .test_signals import TINY

SECRET = "open-sesame"


@pytest.mark.cluster
@pytest.mark.slow
def test_a_launch_imports_nothing_of_its_folder_listens_to_this_machine_and_writes_no_password(
    tmp_path: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("queue", "ray", "torch", "mlflow"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the working folder was imported')")
    scratch = Path(tempfile.mkdtemp(dir="/tmp"))  # holds Ray's logs; the paths of its sockets have to be short
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # as for the installed command `ablate`
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    directory = WorkingDirectory(tmp_path, mlflow_uri.replace("http://", f"http://reader:{SECRET}@"))
    try:
        directory.write("isolated", TINY)
        command = directory.start("launch", "isolated")
        command.until_printed("side by side")
        addresses = list(listening(command))
        assert len(addresses) > 3
        for address, _ in addresses:
            assert address.removeprefix("::ffff:") in ("127.0.0.1", "::1"), addresses
        ports = [port for _, port in addresses]
        not_tried = reached_from_elsewhere(ports)
        started = "\n".join(" ".join(process.cmdline()) for process in command.descendants(""))
        assert "raylet" in started
        assert not re.search(r"log_monitor|autoscaler|dashboard/dashboard.py", started), (
            "they cost seconds of every start"
        )
        assert command.code == 0, command.text
        assert "2 of 2 trials finished" in command.text
    finally:
        directory.clear()
    written = [
        file for folder in (tmp_path, scratch) for file in folder.rglob("*") if file.is_file() and not file.is_symlink()
    ]
    holders = [file for file in written if SECRET.encode() in file.read_bytes()]
    assert holders == []
    shutil.rmtree(scratch)
    assert stat.S_IMODE(directory.store.root.stat().st_mode) == 0o700
    assert not directory.store.study("isolated").rounds.exists()
    if not_tried:
        pytest.skip(f"all else holds, but no other network namespace tried to connect: {not_tried}")


def listening(command: Command) -> Iterator[tuple[str, int]]:
    """The addresses and ports on which the processes of a launch listen."""
    for process in command.descendants(""):
        try:
            connections = process.net_connections("inet")
        except psutil.Error:
            continue
        yield from ((one.laddr.ip, one.laddr.port) for one in connections if one.status == psutil.CONN_LISTEN)


def reached_from_elsewhere(ports: list[int]) -> str:
    """Fail where another network namespace reaches one of the ports; why none could be made, else nothing."""
    if missing := [tool for tool in ("ip", "nsenter") if not shutil.which(tool)]:
        return f"without {' and '.join(missing)}"
    if os.geteuid() != 0:
        return "only root may make one"
    name = f"ablate{os.getpid()}"
    here, there = "198.51.100.1", "198.51.100.2"
    commands = (
        f"ip netns add {name}",
        f"ip link add {name[:12]}a type veth peer name {name[:12]}b netns {name}",
        f"ip addr add {here}/30 dev {name[:12]}a",
        f"ip link set {name[:12]}a up",
        f"ip -n {name} addr add {there}/30 dev {name[:12]}b",
        f"ip -n {name} link set {name[:12]}b up",
    )
    try:
        for line in commands:
            if subprocess.run(line.split(), capture_output=True).returncode:
                return f"'{line}' is refused"  # in a container without the right to
        with socket.create_server((here, 0)) as reachable:  # the namespace reaches this machine
            assert connects_from(name, here, [reachable.getsockname()[1]]) == [reachable.getsockname()[1]]
        assert connects_from(name, here, ports) == []
        return ""
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def connects_from(namespace: str, host: str, ports: list[int]) -> list[int]:
    """The ports of the host to which a process in a network namespace can connect."""
    program = (
        "import socket, sys\n"
        "for port in map(int, sys.argv[2:]):\n"
        "    try:\n"
        "        socket.create_connection((sys.argv[1], port), timeout=5).close()\n"
        "        print(port)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    command = ["ip", "netns", "exec", namespace, sys.executable, "-I", "-c", program, host, *map(str, ports)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(port) for port in re.findall(r"\d+", done.stdout)]


def test_a_local_ray_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ServiceError, match=r"RAY_AUTH_MODE=disabled: without a token, every user .*; unset it"):
        ray_environment("")
    assert ray_environment("head:6379")["RAY_AUTH_MODE"] == "disabled"  # a cluster has its own rules


def test_every_local_ray_has_a_token_of_its_own_and_stays_on_the_loopback_interface(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    first, second = ray_environment(""), ray_environment("")
    assert first["RAY_AUTH_MODE"] == "token"
    assert len(first["RAY_AUTH_TOKEN"]) == 64
    assert first["RAY_AUTH_TOKEN"] != second["RAY_AUTH_TOKEN"]
    assert first["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"


def test_the_cluster_is_the_one_that_is_named_else_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert cluster_address("") == "head:6379"
    assert cluster_address("other:6379") == "other:6379"
    assert cluster_address("local") == ""
    assert "RAY_ADDRESS" not in ray_environment("")
    monkeypatch.delenv("RAY_ADDRESS")
    assert cluster_address("") == ""


def test_ray_imports_nothing_from_the_working_folder_and_ships_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"library{os.pathsep}{os.pathsep}/opt/library")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "1")
    for address in ("", "head:6379"):
        environment = ray_environment(address)
        assert environment["PYTHONSAFEPATH"] == "1"
        assert environment["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"
        assert environment["PYTHONPATH"] == f"{Path.cwd() / 'library'}{os.pathsep}/opt/library"

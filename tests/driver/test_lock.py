"""The lock of a launch: one launch of a study at a time, and locks of processes that have ended are taken over."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablate.driver import launch_lock
from ablate.driver.launch_lock import STALE, launching, owner_of
from ablate.errors import ServiceError

OWN = """
import sys, time
from pathlib import Path
from ablate.driver.launch_lock import launching
from ablate.errors import ServiceError
path, go = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
try:
    with launching(path, "epsilon"):
        print("owns", flush=True)
        sys.stdin.readline()
except ServiceError as error:
    print(error, flush=True)
"""

Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "launch.json"


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file on whose appearance the processes try to take the lock."""
    return tmp_path / "go"


@pytest.fixture
def start(path: Path, go: Path) -> Iterator[Start]:
    """Start a process that takes the lock once `go` exists and holds it until it reads a line."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", OWN, str(path), str(go)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert line_of(process) == "ready"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def write(path: Path, **fields: Any) -> None:
    """Write the lock that this process would hold, with some of its fields replaced."""
    now = time.time()
    own = {"host": socket.gethostname(), "process": os.getpid(), "born": psutil.Process().create_time()}
    path.write_text(json.dumps({**own, "since": now, "beat": now, **fields}))


def test_a_second_launch_is_refused_with_the_process_and_host_of_the_first(path: Path, go: Path, start: Start) -> None:
    before = time.time()
    first = start()
    go.touch()
    assert line_of(first) == "owns"
    with pytest.raises(ServiceError) as refused, launching(path, "epsilon"):
        pass
    message = re.fullmatch(
        rf"{re.escape(str(path))}: 'epsilon' is being launched by process {first.pid} on"
        rf" {re.escape(socket.gethostname())} since (\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d);"
        " watch it with ablate status epsilon, or end it with ablate stop epsilon",
        str(refused.value),
    )
    assert message is not None
    assert int(before) <= datetime.strptime(message[1], "%Y-%m-%d %H:%M:%S").timestamp() <= time.time()
    first.communicate("\n")
    assert owner_of(path) is None
    assert not path.exists()


def test_the_lock_of_a_killed_launch_is_taken_over_while_the_process_is_a_zombie(
    path: Path, go: Path, start: Start
) -> None:
    first = start()
    go.touch()
    assert line_of(first) == "owns"
    first.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is still in the process table
    assert psutil.Process(first.pid).status() == psutil.STATUS_ZOMBIE
    with launching(path, "epsilon") as owner:
        assert owner_of(path) == owner
    first.wait()


def test_a_process_that_reuses_the_pid_is_no_owner(path: Path) -> None:
    write(path, born=psutil.Process().create_time() - 3600)
    assert owner_of(path) is None
    with launching(path, "epsilon") as owner:
        assert owner.process == os.getpid()


def test_a_process_that_does_not_exist_is_no_owner(path: Path) -> None:
    write(path, process=2**22 + 1)  # above the largest process number that Linux gives
    assert owner_of(path) is None


def test_an_owner_on_another_machine_counts_as_alive_while_its_heartbeat_is_recent(path: Path) -> None:
    write(path, host="elsewhere", process=1)
    with pytest.raises(ServiceError, match="launched by process 1 on elsewhere since"), launching(path, "epsilon"):
        pass
    write(path, host="elsewhere", process=1, beat=time.time() - STALE - 1)
    with launching(path, "epsilon") as owner:
        assert owner_of(path) == owner


@pytest.mark.parametrize("torn", ['{"host": "here", "proc', "", "[]", '{"host": "here"}', "\x00\x00"])
def test_an_incomplete_lock_file_is_no_lock(path: Path, torn: str) -> None:
    path.write_text(torn)
    assert owner_of(path) is None
    with launching(path, "epsilon") as owner:
        assert owner_of(path) == owner


def test_one_of_several_processes_that_take_the_lock_at_once_gets_it(path: Path, go: Path, start: Start) -> None:
    racing = [start() for _ in range(4)]
    go.touch()
    answers = {process.pid: line_of(process) for process in racing}
    (winner,) = (number for number, answer in answers.items() if answer == "owns")
    others = [answer for number, answer in answers.items() if number != winner]
    assert all(f"'epsilon' is being launched by process {winner} on" in answer for answer in others)


def test_the_heartbeat_of_the_lock_is_updated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_lock, "HEARTBEAT", 0.01)
    with launching(path, "epsilon") as owner:
        deadline = time.monotonic() + 60
        while (updated := owner_of(path)) is None or updated.beat == owner.beat:
            assert time.monotonic() < deadline
        assert updated.same(owner)


def test_a_launch_whose_lock_was_taken_over_does_not_write_it_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with launching(path, "epsilon") as owner:
        write(path, host="elsewhere")
        monkeypatch.setattr(launch_lock, "HEARTBEAT", 0.001)
        launch_lock.refresh_heartbeat(path, owner, threading.Event())  # ends by itself
    successor = owner_of(path)
    assert successor is not None
    assert successor.host == "elsewhere"

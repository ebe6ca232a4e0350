"""The lock of a launch: one launch of a study at a time, and locks of processes that have ended are taken over."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablate import lock
from ablate.driver import launch_lock
from ablate.driver.launch_lock import Owner, launching, owner_of, read_owner
from ablate.errors import ServiceError
from ablate.lock import locked

OWN = """
import sys, time
from pathlib import Path
from ablate.driver.launch_lock import launching
from ablate.errors import ServiceError
from ablate.lock import locked
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


def test_an_owner_on_another_machine_is_alive_while_it_is_seen_to_touch_the_file_whatever_the_clocks_say(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, host="elsewhere", process=1)
    os.utime(path, (0, 0))  # its clock is wrong by half a century
    over = threading.Event()

    def touch() -> None:
        seconds = 0
        while not over.wait(0.01):
            seconds += 1
            os.utime(path, (seconds, seconds))

    thread = threading.Thread(target=touch)
    thread.start()
    with pytest.raises(ServiceError, match="launched by process 1 on elsewhere since"), launching(path, "epsilon"):
        pass
    over.set()
    thread.join()
    os.utime(path, (2**32, 2**32))  # a time to come is no sign of life
    monkeypatch.setattr(launch_lock, "STALE", 0.1)
    with launching(path, "epsilon") as owner:
        assert owner_of(path) == owner


def test_the_owner_in_another_container_of_the_same_name_is_not_looked_up_by_its_pid(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, process=os.getpid(), machine="another container")
    monkeypatch.setattr(launch_lock, "LOOK", 0.1)
    assert owner_of(path) is None


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


def wait_until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_heartbeat_goes_on_after_writes_that_failed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_lock, "HEARTBEAT", 0.01)
    failed: list[Path] = []

    def no_space(file: Path) -> None:
        failed.append(file)
        raise OSError(errno.ENOSPC, "No space left on device")

    with launching(path, "epsilon") as owner:
        with monkeypatch.context() as patch:
            patch.setattr(launch_lock.os, "utime", no_space)
            wait_until(lambda: len(failed) > 3)
        before = path.stat().st_mtime_ns
        wait_until(lambda: path.stat().st_mtime_ns != before)
        assert owner_of(path) == owner


def test_a_lock_is_taken_on_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int, content: bytes, place: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", no_space)
    with locked(path, 0.0), pytest.raises(ServiceError), locked(path, 0.0):
        pass
    with locked(path, 0.0):
        pass


def test_a_lock_file_that_is_removed_during_the_launch_is_written_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_lock, "HEARTBEAT", 0.01)
    with launching(path, "epsilon") as owner:
        path.unlink()
        wait_until(lambda: owner_of(path) == owner)
    assert not path.exists()


def test_a_launch_whose_lock_was_taken_over_is_told_so_and_does_not_write_it_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_lock, "HEARTBEAT", 0.01)
    told: list[Owner] = []
    with launching(path, "epsilon", told.append):
        write(path, host="elsewhere")
        wait_until(lambda: bool(told))
    assert told[0].host == "elsewhere"
    assert read_owner(path) == told[0]


def test_on_a_network_file_system_a_file_of_this_machine_is_locked_instead(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = lock.file_system(path.parent.stat().st_dev)
    assert here in Path("/proc/filesystems").read_text()
    assert lock.on_this_machine(path) == path
    monkeypatch.setattr(lock, "NETWORK_FILE_SYSTEMS", {here})
    stands_in = lock.on_this_machine(path)
    assert stands_in.parent == Path(tempfile.gettempdir(), f"ablate-locks-{os.getuid()}")
    with locked(path), pytest.raises(ServiceError, match=f"process {os.getpid()} on"), locked(path, 0.0):
        pass
    assert not path.exists()
    stands_in.unlink()

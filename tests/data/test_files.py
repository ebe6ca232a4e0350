"""Downloading and verifying original files: mirrors, damage, interruption and concurrent processes."""

import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ablate.data.dataset import File
from ablate.data.files import fetch, progress_bar
from ablate.data.idx import Mnist
from ablate.errors import DataError

CONTENT = bytes(range(256)) * 400
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves /whole, /cut (half, then disconnects), /page (an HTML page), /slow (half, then waits) and /gone (404)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.released = threading.Event()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.path == "/gone":
            self.send_error(404)
            return
        body = b"<html>sign in first</html>" if self.path == "/page" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path in ("/cut", "/slow") else body)
        if self.path == "/slow":
            self.server.released.wait(60)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def dataset_of(*files: File) -> type[Mnist]:
    """A data set with these files."""
    return type("OtherFiles", (Mnist,), {"files": files})


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_missing_file_is_downloaded_and_verified(server: Server, tmp_path: Path) -> None:
    fetch(dataset_of(File("sub/a.bin", (server.address("whole"),), (MD5,))), tmp_path / "data", tmp_path / "tensors")
    assert (tmp_path / "data/sub/a.bin").read_bytes() == CONTENT
    assert files_in(tmp_path / "data/sub") == ["a.bin"]
    assert server.requests == ["/whole"]


def test_an_existing_file_is_not_downloaded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    fetch(dataset_of(File("a.bin", (server.address("whole"),), (MD5,))), tmp_path, tmp_path / "tensors")
    assert server.requests == []


def test_one_matching_checksum_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    sums = ("sha256:0000", f"sha256:{hashlib.sha256(CONTENT).hexdigest()}")
    fetch(dataset_of(File("a.bin", (), sums)), tmp_path, tmp_path / "tensors")


def test_mirrors_are_tried_in_order_until_one_has_the_whole_file(server: Server, tmp_path: Path) -> None:
    addresses = tuple(server.address(path) for path in ("gone", "page", "cut", "whole", "unasked"))
    fetch(dataset_of(File("a.bin", addresses, (MD5,))), tmp_path, tmp_path / "tensors")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == ["/gone", "/page", "/cut", "/whole"]


def test_a_dropped_connection_leaves_no_file(server: Server, tmp_path: Path) -> None:
    address = server.address("cut")
    with pytest.raises(DataError) as error:
        fetch(dataset_of(File("a.bin", (address,), (MD5,))), tmp_path, tmp_path / "tensors")
    half = hashlib.md5(CONTENT[: len(CONTENT) // 2]).hexdigest()
    assert str(error.value) == (
        f"{tmp_path / 'a.bin'}: the file is missing and cannot be fetched "
        f"({address}: truncated or altered, found md5:{half}, expected {MD5}); "
        "put it there, or set ABLATE_DATA to the folder that holds it"
    )
    assert files_in(tmp_path) == []


def test_a_refused_connection_is_reported_with_file_and_address(tmp_path: Path) -> None:
    with Server() as closed:
        address = closed.address("whole")
    with pytest.raises(DataError) as error:
        fetch(dataset_of(File("sub/a.bin", (address,), (MD5,))), tmp_path, tmp_path / "tensors")
    assert str(error.value) == (
        f"{tmp_path / 'sub/a.bin'}: the file is missing and cannot be fetched "
        f"({address}: [Errno 111] Connection refused); put it there, or set ABLATE_DATA to the folder that holds it"
    )
    assert error.value.exit_code == 3


def test_a_missing_file_without_an_address_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"a.bin: the file is missing and cannot be fetched \(no address is known\); put"
    ):
        fetch(dataset_of(File("a.bin", (), (MD5,))), tmp_path, tmp_path / "tensors")


def test_an_error_names_the_folder_that_cannot_be_created(server: Server, tmp_path: Path) -> None:
    (tmp_path / "sub").write_text("a file where a folder should be")
    with pytest.raises(DataError) as error:
        fetch(dataset_of(File("sub/a.bin", (server.address("whole"),), (MD5,))), tmp_path, tmp_path / "tensors")
    assert f"cannot be fetched ({tmp_path / 'sub'}: File exists)" in str(error.value)


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"x" + content[1:]])
def test_a_truncated_or_altered_file_is_refused(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(damage(CONTENT))
    with pytest.raises(DataError) as error:
        fetch(dataset_of(File("a.bin", ("http://127.0.0.1/a.bin",), (MD5, "sha256:0"))), tmp_path, tmp_path / "tensors")
    found = hashlib.md5(damage(CONTENT)).hexdigest()
    assert str(error.value) == (
        f"{path}: the file is altered or packed otherwise, and is not known to hold the published content: "
        f"found md5:{found}, expected {MD5} or sha256:0; "
        "move it to another folder, and it is fetched again from http://127.0.0.1/a.bin"
    )
    assert path.read_bytes() == damage(CONTENT)


def test_an_unreadable_archive_of_recordings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(CONTENT)
    with pytest.raises(DataError, match="damaged: found wav-sha256:unreadable, expected wav-sha256:0; delete"):
        fetch(dataset_of(File("a.zip", (), ("wav-sha256:0",))), tmp_path, tmp_path / "tensors")


def test_a_large_file_is_verified_again_only_after_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, tensors, kind = tmp_path / "a.bin", tmp_path / "tensors", dataset_of(File("a.bin", (), (MD5,)))
    monkeypatch.setattr("ablate.data.remembered.SMALL", len(CONTENT))
    monkeypatch.setattr("ablate.data.remembered.SETTLED", 0)
    path.write_bytes(CONTENT)
    fetch(kind, tmp_path, tensors)
    (note,) = (tensors / ".checksums").iterdir()
    assert note.read_text() == MD5
    fetch(kind, tmp_path, tensors)
    assert list((tensors / ".checksums").iterdir()) == [note]
    stat = path.stat()
    path.write_bytes(CONTENT[:-1] + b"x")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(DataError, match="altered or packed otherwise"):
        fetch(kind, tmp_path, tensors)


def test_a_file_that_changed_just_now_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next change may have the same time stamps, since clocks of file systems have a coarse resolution."""
    monkeypatch.setattr("ablate.data.remembered.SMALL", 0)
    (tmp_path / "a.bin").write_bytes(CONTENT)
    fetch(dataset_of(File("a.bin", (), (MD5,))), tmp_path, tmp_path / "tensors")
    assert not (tmp_path / "tensors/.checksums").exists()


def test_nothing_is_written_to_the_folder_of_existing_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.bin").write_bytes(CONTENT)
    fetch(dataset_of(File("a.bin", (), (MD5,))), tmp_path / "data", tmp_path / "tensors")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a.bin"]


FETCH = """
import sys
from pathlib import Path
from ablate.data.dataset import File
from ablate.data.files import fetch
from ablate.data.idx import Mnist

class Set(Mnist):
    files = (File("a.bin", (sys.argv[1],), (sys.argv[2],)),)

print("ready", flush=True)
fetch(Set, Path(sys.argv[3]), Path(sys.argv[3]) / "tensors")
"""


def start_fetch(address: str, folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", FETCH, address, MD5, str(folder)], stdout=subprocess.PIPE)


@pytest.mark.slow
def test_concurrent_processes_download_once(server: Server, tmp_path: Path) -> None:
    processes = [start_fetch(server.address("whole"), tmp_path) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert server.requests == ["/whole"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.slow
def test_the_partial_file_of_a_killed_download_is_replaced(server: Server, tmp_path: Path) -> None:
    process = start_fetch(server.address("slow"), tmp_path)
    part = tmp_path / ".a.bin.part"
    for _ in range(6000):
        if part.exists():
            break
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=120)
    assert files_in(tmp_path) == [".a.bin.lock", ".a.bin.part"]
    fetch(dataset_of(File("a.bin", (server.address("whole"),), (MD5,))), tmp_path, tmp_path / "tensors")
    assert files_in(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_progress_bar_is_shown_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("t10k-labels-idx1-ubyte.gz", 4542) as advance:
        advance(4542)
    assert "t10k-labels-idx1-ubyte.gz" in terminal.getvalue()


def test_no_progress_bar_is_written_to_a_log_file(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("a.bin", 10) as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")

import hashlib
import io
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
from ablate.data.files import fetch, progress
from ablate.data.idx import Mnist
from ablate.errors import DataError

CONTENT = bytes(range(256)) * 400
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves /whole, /cut (half of it, then the line drops), /page (something else), /slow (half, then it hangs)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.requests: list[str] = []
        self.released = threading.Event()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Answer(BaseHTTPRequestHandler):
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
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def holding(*files: File) -> type[Mnist]:
    """A data set of other files."""
    return type("Holding", (Mnist,), {"files": files})


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_missing_file_is_fetched_and_verified(server: Server, tmp_path: Path) -> None:
    fetch(holding(File("sub/a.bin", (server.address("whole"),), (MD5,))), tmp_path / "data", tmp_path / "tensors")
    assert (tmp_path / "data/sub/a.bin").read_bytes() == CONTENT
    assert visible(tmp_path / "data/sub") == ["a.bin"]
    assert server.requests == ["/whole"]


def test_a_file_that_is_there_is_not_fetched(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    fetch(holding(File("a.bin", (server.address("whole"),), (MD5,))), tmp_path, tmp_path / "tensors")
    assert server.requests == []


def test_any_published_checksum_will_do(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    sums = ("sha256:0000", f"sha256:{hashlib.sha256(CONTENT).hexdigest()}")
    fetch(holding(File("a.bin", (), sums)), tmp_path, tmp_path / "tensors")


def test_mirrors_are_tried_in_order(server: Server, tmp_path: Path) -> None:
    addresses = tuple(server.address(path) for path in ("gone", "page", "cut", "whole", "unasked"))
    fetch(holding(File("a.bin", addresses, (MD5,))), tmp_path, tmp_path / "tensors")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == ["/gone", "/page", "/cut", "/whole"]


def test_a_dropped_line_leaves_nothing(server: Server, tmp_path: Path) -> None:
    address = server.address("cut")
    with pytest.raises(DataError) as error:
        fetch(holding(File("a.bin", (address,), (MD5,))), tmp_path, tmp_path / "tensors")
    half = hashlib.md5(CONTENT[: len(CONTENT) // 2]).hexdigest()
    assert str(error.value) == (
        f"{tmp_path / 'a.bin'}: the file is missing and cannot be fetched "
        f"({address}: truncated or altered, found md5:{half}, expected {MD5}); "
        "put it there, or set ABLATE_DATA to the folder that holds it"
    )
    assert visible(tmp_path) == []


def test_no_network_names_file_folder_and_address(tmp_path: Path) -> None:
    with Server() as closed:
        address = closed.address("whole")
    with pytest.raises(DataError) as error:
        fetch(holding(File("sub/a.bin", (address,), (MD5,))), tmp_path, tmp_path / "tensors")
    assert str(error.value) == (
        f"{tmp_path / 'sub/a.bin'}: the file is missing and cannot be fetched "
        f"({address}: [Errno 111] Connection refused); put it there, or set ABLATE_DATA to the folder that holds it"
    )
    assert error.value.exit_code == 3


def test_a_file_without_an_address_must_be_brought(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"a.bin: the file is missing and cannot be fetched \(no address is known\); put"
    ):
        fetch(holding(File("a.bin", (), (MD5,))), tmp_path, tmp_path / "tensors")


def test_a_folder_that_cannot_be_made_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "sub").write_text("a file where a folder should be")
    with pytest.raises(DataError) as error:
        fetch(holding(File("sub/a.bin", (server.address("whole"),), (MD5,))), tmp_path, tmp_path / "tensors")
    assert f"cannot be fetched ({tmp_path / 'sub'}: File exists)" in str(error.value)


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"x" + content[1:]])
def test_a_truncated_or_altered_file_is_refused(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(damage(CONTENT))
    with pytest.raises(DataError) as error:
        fetch(
            holding(
                File("a.bin", ("http://127.0.0.1/a.bin",), (MD5, "sha256:0")),
            ),
            tmp_path,
            tmp_path / "tensors",
        )
    found = hashlib.md5(damage(CONTENT)).hexdigest()
    assert str(error.value) == (
        f"{path}: the file is truncated or altered: found md5:{found}, expected {MD5} or sha256:0; "
        "delete it, and it is fetched again from http://127.0.0.1/a.bin"
    )
    assert path.read_bytes() == damage(CONTENT)


def test_a_damaged_archive_of_recordings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(CONTENT)
    with pytest.raises(DataError, match="truncated or altered: found wav-sha256:unreadable, expected wav-sha256:0; "):
        fetch(holding(File("a.zip", (), ("wav-sha256:0",))), tmp_path, tmp_path / "tensors")


def test_a_verified_file_is_remembered_until_it_changes(tmp_path: Path) -> None:
    path, tensors, kind = tmp_path / "a.bin", tmp_path / "tensors", holding(File("a.bin", (), (MD5,)))
    path.write_bytes(CONTENT)
    fetch(kind, tmp_path, tensors)
    (mark,) = (tensors / ".verified").iterdir()
    fetch(kind, tmp_path, tensors)
    assert list((tensors / ".verified").iterdir()) == [mark]
    path.write_bytes(CONTENT + b"more")
    with pytest.raises(DataError, match="truncated or altered"):
        fetch(kind, tmp_path, tensors)


def test_nothing_is_written_beside_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.bin").write_bytes(CONTENT)
    fetch(holding(File("a.bin", (), (MD5,))), tmp_path / "data", tmp_path / "tensors")
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


def fetching(address: str, folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", FETCH, address, MD5, str(folder)], stdout=subprocess.PIPE)


@pytest.mark.slow
def test_several_processes_download_once(server: Server, tmp_path: Path) -> None:
    processes = [fetching(server.address("whole"), tmp_path) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert server.requests == ["/whole"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.slow
def test_a_killed_download_is_never_taken_for_the_file(server: Server, tmp_path: Path) -> None:
    process = fetching(server.address("slow"), tmp_path)
    part = tmp_path / ".a.bin.part"
    for _ in range(6000):
        if part.exists():
            break
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=120)
    assert visible(tmp_path) == [".a.bin.part"]
    fetch(holding(File("a.bin", (server.address("whole"),), (MD5,))), tmp_path, tmp_path / "tensors")
    assert visible(tmp_path) == ["a.bin", "tensors"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("t10k-labels-idx1-ubyte.gz", 4542) as advance:
        advance(4542)
    assert "t10k-labels-idx1-ubyte.gz" in terminal.getvalue()


def test_a_log_file_sees_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("a.bin", 10) as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")

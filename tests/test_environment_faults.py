"""What commands say where the environment is at fault: one sentence with the right exit code, and no traceback."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

STUDY = """
question: Does ε matter?
method: METHOD
dataset: digits
seeds: 1
probes: [PROBE]
metric: METRIC
"""
AS_ANOTHER_USER = ("unshare", "--user", "--map-user=54321", "--map-group=54321")  # no entry for it in passwd
NO_HOME = "HOME: this user has no home folder; set HOME, or ABLATE_DATA and XDG_CACHE_HOME, to a folder"
NO_TORCH_HOME = "TORCH_HOME=~nobody-here: '~' names no home folder; write the whole path, or set HOME"
NO_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT=abc: this is not a number of seconds; write one, as 60, or leave it out"
IPV6 = "MLFLOW_TRACKING_URI=http://[::1: this is no address; write one, as http://host:5000"
FTP = "MLFLOW_TRACKING_URI=ftp://x: this is not a server; start `mlflow server` on it and give its http address"
DATABASE = FTP.replace("ftp://x", "sqlite:///x.db")
NO_HOST = "MLFLOW_TRACKING_URI=http://: this address names no host; write one, as http://host:5000"
TOKEN = "MLFLOW_TRACKING_TOKEN: this token holds a line break or a letter that is not ASCII; set it anew"
CERTIFICATE = "MLFLOW_TRACKING_SERVER_CERT_PATH=/nowhere.pem: there is no such file; correct the path"
NO_ADDRESS = "this is no address of a cluster; write HOST:PORT, as head:6379"
FULL = "No space left on device; free some space, or name another place"
NO_SPACE_FOR_PATHS = "TMPDIR: Ray's sockets below this folder would have paths of more than 107 bytes"


@dataclass(frozen=True)
class Fault:
    """A fault of the environment: variables (None: not set), the user, and the file for the output."""

    variables: Mapping[str, str | None] = field(default_factory=dict)
    another_user: bool = False
    output: str = ""


HOMELESS = Fault({"HOME": None, "XDG_CACHE_HOME": None, "TORCH_HOME": None}, another_user=True)
ASCII = Fault({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
TORCH = Fault({"TORCH_HOME": "~nobody-here"})
TIMEOUT = Fault({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_TIMEOUT": "abc"})
BROKEN_ADDRESS = Fault({"MLFLOW_TRACKING_URI": "http://[::1"})
TOKEN_OF_TWO_LINES = Fault({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_TRACKING_TOKEN": "one\ntwo"})
NO_CERTIFICATE = Fault({"MLFLOW_TRACKING_URI": "https://x", "MLFLOW_TRACKING_SERVER_CERT_PATH": "/nowhere.pem"})
WRONG_CLUSTER = Fault({"RAY_ADDRESS": "127.0.0.1:99999"})
LONG = Fault({"TMPDIR": "long", "RAY_TMPDIR": None})
READ_ONLY = Fault(another_user=True)  # for root, a folder is read-only as another user alone
OUTPUT = Fault(output="/dev/full")
CASES = [
    (HOMELESS, "check small", 2, NO_HOME),
    (HOMELESS, "status", 0, ""),
    (HOMELESS, "doctor", 1, ""),
    (ASCII, "check small", 0, ""),
    (ASCII, "plan small --no-measure", 0, ""),
    (OUTPUT, "check small", 1, FULL),
    (OUTPUT, "status --json", 1, FULL),
    (LONG, "plan small --no-measure", 0, ""),
    (LONG, "launch small", 1, NO_SPACE_FOR_PATHS),
    (READ_ONLY, "status", 0, ""),
    (READ_ONLY, "report small", 2, "nothing is recorded of 'small'"),
    (READ_ONLY, "launch small", 2, "STORE: this folder cannot be written; name another with --storage"),
    (TIMEOUT, "plan small --no-measure", 2, NO_TIMEOUT),
    (TIMEOUT, "report small", 2, NO_TIMEOUT),
    (TIMEOUT, "doctor", 1, ""),
    *((BROKEN_ADDRESS, command, 2, IPV6) for command in ("plan small --no-measure", "report small")),
    (BROKEN_ADDRESS, "launch small", 2, IPV6),
    (BROKEN_ADDRESS, "doctor", 1, ""),
    (Fault({"MLFLOW_TRACKING_URI": "ftp://x"}), "launch small", 2, FTP),
    (Fault({"MLFLOW_TRACKING_URI": "sqlite:///x.db"}), "plan small --no-measure", 2, DATABASE),
    (Fault({"MLFLOW_TRACKING_URI": "http://"}), "plan small --no-measure", 2, NO_HOST),
    (TOKEN_OF_TWO_LINES, "plan small --no-measure", 2, TOKEN),
    (NO_CERTIFICATE, "plan small --no-measure", 2, CERTIFICATE),
    *(
        (Fault(), f"plan small --no-measure --address {address}", 2, f"--address {address}: {NO_ADDRESS}")
        for address in ("nonsense", "x:y", "ray://head:10001", "::1", "127.0.0.1:99999")
    ),
    (WRONG_CLUSTER, "launch small", 2, f"RAY_ADDRESS 127.0.0.1:99999: {NO_ADDRESS}"),
    (WRONG_CLUSTER, "doctor", 1, ""),
    (TORCH, "check weights", 2, NO_TORCH_HOME),
    (TORCH, "doctor", 1, ""),
]
FOUND_BY_DOCTOR = {
    id(HOMELESS): ("weights", "HOME: this user has no home folder"),
    id(TIMEOUT): ("MLflow", "MLFLOW_HTTP_REQUEST_TIMEOUT=abc: this is not a number of seconds"),
    id(BROKEN_ADDRESS): ("MLflow", "MLFLOW_TRACKING_URI=http://[::1: this is no address"),
    id(WRONG_CLUSTER): ("cluster", "RAY_ADDRESS 127.0.0.1:99999: this is no address of a cluster"),
    id(TORCH): ("weights", "TORCH_HOME=~nobody-here: '~' names no home folder"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two studies, a store that cannot be written, and a folder with a long path."""
    (tmp_path / "studies").mkdir()
    small = STUDY.replace("METHOD", "pca").replace("PROBE", "linear").replace("METRIC", "linear/accuracy")
    weights = STUDY.replace("METHOD", "vae").replace("PROBE", "fid").replace("METRIC", "fid/fid")
    (tmp_path / "studies" / "small.yaml").write_text(small, encoding="utf-8")
    (tmp_path / "studies" / "weights.yaml").write_text(weights, encoding="utf-8")
    (tmp_path / "store").mkdir(mode=0o500)
    (tmp_path / ("l" * 100)).mkdir()
    return tmp_path


def run(folder: Path, arguments: str, fault: Fault) -> subprocess.CompletedProcess[str]:
    """Run a command under the fault."""
    given = {**os.environ, **fault.variables}
    if fault is LONG:
        given["TMPDIR"] = str(folder / ("l" * 100))
    if fault is READ_ONLY:
        given["ABLATE_STORE"] = str(folder / "store")
    prefix = AS_ANOTHER_USER if fault.another_user else ()
    command = [*prefix, sys.executable, "-m", "ablate", *arguments.split()]
    environment = {name: value for name, value in given.items() if value is not None}
    with Path(fault.output or folder / "output").open("w", encoding="utf-8") as out:
        return subprocess.run(
            command, cwd=folder, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            timeout=300, check=False,
        )  # fmt: skip


def require_user_namespaces() -> None:
    """Skip the test where this user may not become another one in a namespace of its own."""
    try:
        subprocess.run([*AS_ANOTHER_USER, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("user namespaces are not permitted here")


@pytest.mark.parametrize(("fault", "arguments", "code", "sentence"), CASES)
def test_a_fault_of_the_environment_is_told_in_one_sentence(
    folder: Path, fault: Fault, arguments: str, code: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if fault.another_user:
        require_user_namespaces()
    done = run(folder, arguments, fault)
    said = done.stderr.replace(str(folder / ("l" * 100)), "TMPDIR").replace(str(folder / "store"), "STORE")
    errors = [line for line in said.splitlines() if line.startswith("ablate: ")]
    assert "Traceback" not in said
    assert (done.returncode, len(errors)) == (code, int(bool(sentence))), said
    if sentence:
        assert errors[0].startswith(f"ablate: {sentence}")
    if arguments == "doctor":
        what, found = FOUND_BY_DOCTOR[id(fault)]
        assert any(line.split()[:2] == ["look", what] and found in line for line in output(folder))


def test_a_plan_says_that_the_store_cannot_be_written(folder: Path) -> None:
    require_user_namespaces()
    done = run(folder, "plan small --no-measure", READ_ONLY)
    told = f"the store {folder / 'store'} cannot be written; a launch needs one that can\n"
    assert (done.returncode, done.stderr) == (0, told)


def output(folder: Path) -> list[str]:
    return (folder / "output").read_text(encoding="utf-8").splitlines()

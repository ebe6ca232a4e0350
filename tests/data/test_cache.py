import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ablate.data import DATASETS
from ablate.data.cache import load
from ablate.data.dataset import Data, Dataset
from ablate.data.digits import Digits
from ablate.errors import DataError


class Counted(Dataset):
    """Three points, and how often they were decoded."""

    shape = (2,)
    classes = 2
    samples = 2
    decoded = 0

    def read(self, folder: Path) -> Data:
        type(self).decoded += 1
        test = torch.tensor([False, False, True])
        return Data(torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 1]), test, scale=0.5, learns_from="all")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    kind = type("Fresh", (Counted,), {})
    monkeypatch.setitem(DATASETS, "counted", kind)
    return kind


class Targeted(Dataset):
    """Two points without labels, each with a pair of targets."""

    shape = (1,)
    classes = 0
    samples = 2
    targets = ("red", "green")

    def read(self, folder: Path) -> Data:
        colors = torch.tensor([[0.0, 0.5], [1.0, 0.25]])
        none = torch.tensor([-1, -1])
        return Data(torch.ones(2, 1), none, torch.zeros(2, dtype=torch.bool), 1.0, "train", colors)


def same(one: Data, other: Data) -> bool:
    tensors = all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("x", "y", "test"))
    return tensors and (one.scale, one.learns_from) == (other.scale, other.learns_from)


def test_what_is_loaded_is_what_was_decoded(tmp_path: Path) -> None:
    assert same(load("digits", tmp_path), Digits().read(tmp_path))


def test_targets_are_kept_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "targeted", Targeted)
    for _ in ("decoded", "kept"):
        targets = load("targeted", tmp_path).targets
        assert targets is not None
        assert targets.tolist() == [[0.0, 0.5], [1.0, 0.25]]
    assert load("digits", tmp_path).targets is None
    assert not (tmp_path / "digits-1" / "targets.npy").exists()


def test_a_data_set_is_decoded_once(counted: type[Counted], tmp_path: Path) -> None:
    assert same(load("counted", tmp_path), load("counted", tmp_path))
    assert counted.decoded == 1


@pytest.mark.parametrize("array", ["x.npy", "y.npy", "test.npy", "data.json"])
@pytest.mark.parametrize("remains", [None, 0, 20, 90])
def test_a_damaged_cache_is_made_anew(array: str, remains: int | None, counted: type[Counted], tmp_path: Path) -> None:
    before = load("counted", tmp_path)
    path = tmp_path / "counted-1" / array
    kept = path.read_bytes()
    path.unlink()
    if remains is not None:
        path.write_bytes(kept[:remains])
    assert same(load("counted", tmp_path), before)
    assert counted.decoded == 2
    assert path.read_bytes() == kept


def test_a_new_version_is_decoded_anew(counted: type[Counted], tmp_path: Path) -> None:
    load("counted", tmp_path)
    counted.version = "2"
    load("counted", tmp_path)
    assert counted.decoded == 2


def test_changing_a_loaded_tensor_changes_no_file(tmp_path: Path) -> None:
    data = load("digits", tmp_path)
    data.x.zero_()
    assert load("digits", tmp_path).x.any()


def test_what_a_dead_process_left_is_swept_away(counted: type[Counted], tmp_path: Path) -> None:
    part = tmp_path / ".counted-1.part"
    part.mkdir()
    (part / "x.npy").write_bytes(b"half of it")
    load("counted", tmp_path)
    assert counted.decoded == 1
    assert not part.exists()


def test_missing_files_leave_no_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "data"))
    files = tuple(
        type(file)(file.path, (), file.checksums) for file in DATASETS["mnist"].files
    )  # no address: no network
    monkeypatch.setattr(DATASETS["mnist"], "files", files)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz: the file is missing and cannot be fetched"):
        load("mnist", tmp_path / "tensors")
    assert not (tmp_path / "tensors" / "mnist-1").exists()


def test_a_store_that_cannot_be_written_is_named(counted: type[Counted], tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where a folder should be")
    with pytest.raises(DataError) as error:
        load("counted", tmp_path / "store" / "tensors")
    assert str(error.value) == (
        f"{tmp_path / 'store/tensors/counted-1'}: the tensors cannot be kept: Not a directory; "
        "free some space, or set ABLATE_STORE to a folder that can be written"
    )
    assert counted.decoded == 0


LOAD = """
import sys
from pathlib import Path
from ablate.data import DATASETS
from ablate.data.cache import load
from ablate.data.digits import Digits

class Logged(Digits):
    def read(self, folder):
        with open(sys.argv[2], "a") as log:
            log.write("decoded\\n")
        return super().read(folder)

DATASETS["logged"] = Logged
assert load("logged", Path(sys.argv[1])).x.sum() == 561718
"""


@pytest.mark.slow
def test_several_processes_share_one_decoding(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-W", "error", "-c", LOAD, str(tmp_path / "tensors"), str(log)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    assert log.read_text() == "decoded\n"

"""The cache of decoded data sets: what it stores, when it is rebuilt, and concurrent use."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ablate.data import DATASETS
from ablate.data.cache import cache_data, load_data
from ablate.data.dataset import Data, Dataset
from ablate.data.digits import Digits
from ablate.errors import DataError


class CountingDataset(Dataset):
    """Three points, and a count of how often they were decoded."""

    shape = (2,)
    classes = 2
    samples = 2
    decoded = 0

    def read(self, folder: Path) -> Data:
        type(self).decoded += 1
        test = torch.tensor([False, False, True])
        return Data(torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 1]), test, scale=0.5, training_split="all")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[CountingDataset]:
    kind = type("FreshlyCounting", (CountingDataset,), {})
    monkeypatch.setitem(DATASETS, "counted", kind)
    return kind


class DatasetWithTargets(Dataset):
    """Two points without labels, each with two targets."""

    shape = (1,)
    classes = 0
    samples = 2
    targets = ("red", "green")

    def read(self, folder: Path) -> Data:
        colors = torch.tensor([[0.0, 0.5], [1.0, 0.25]])
        unlabelled = torch.tensor([-1, -1])
        return Data(torch.ones(2, 1), unlabelled, torch.zeros(2, dtype=torch.bool), 1.0, "train", colors)


def same(one: Data, other: Data) -> bool:
    tensors = all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("x", "y", "test"))
    return tensors and (one.scale, one.training_split) == (other.scale, other.training_split)


def test_loaded_tensors_equal_the_decoded_ones(tmp_path: Path) -> None:
    assert same(load_data("digits", tmp_path), Digits().read(tmp_path))


def test_targets_are_cached_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "targeted", DatasetWithTargets)
    for _ in ("decoded", "from the cache"):
        targets = load_data("targeted", tmp_path).targets
        assert targets is not None
        assert targets.tolist() == [[0.0, 0.5], [1.0, 0.25]]
    assert load_data("digits", tmp_path).targets is None
    assert not (tmp_path / "digits-1" / "targets.npy").exists()


def test_a_data_set_is_decoded_once(counted: type[CountingDataset], tmp_path: Path) -> None:
    assert same(load_data("counted", tmp_path), load_data("counted", tmp_path))
    assert counted.decoded == 1


def test_tensors_are_copied_from_a_store_that_has_them_whole(counted: type[CountingDataset], tmp_path: Path) -> None:
    before = load_data("counted", tmp_path / "store")
    cache_data("counted", tmp_path / "disk", shared=tmp_path / "store")
    assert same(load_data("counted", tmp_path / "disk"), before)
    assert counted.decoded == 1
    (tmp_path / "store" / "counted-1" / "y.npy").unlink()
    cache_data("counted", tmp_path / "other", shared=tmp_path / "store")
    assert same(load_data("counted", tmp_path / "other"), before)
    assert counted.decoded == 2


@pytest.mark.parametrize("array", ["x.npy", "y.npy", "test.npy", "data.json"])
@pytest.mark.parametrize("size", [None, 0, 20, 90])
def test_a_damaged_cache_is_rebuilt(
    array: str, size: int | None, counted: type[CountingDataset], tmp_path: Path
) -> None:
    before = load_data("counted", tmp_path)
    path = tmp_path / "counted-1" / array
    content = path.read_bytes()
    path.unlink()
    if size is not None:
        path.write_bytes(content[:size])
    assert same(load_data("counted", tmp_path), before)
    assert counted.decoded == 2
    assert path.read_bytes() == content


@pytest.mark.parametrize("array", ["x.npy", "y.npy", "test.npy"])
def test_a_cached_array_of_the_right_size_with_other_bytes_is_rebuilt(
    array: str, counted: type[CountingDataset], tmp_path: Path
) -> None:
    loaded = load_data("counted", tmp_path)
    before = replace(loaded, x=loaded.x.clone(), y=loaded.y.clone(), test=loaded.test.clone())
    path = tmp_path / "counted-1" / array
    stat, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as where a program restores the time of change
    assert same(load_data("counted", tmp_path), before)
    assert (counted.decoded, path.read_bytes()) == (2, content)


def test_a_cached_scale_that_was_changed_is_rebuilt(counted: type[CountingDataset], tmp_path: Path) -> None:
    load_data("counted", tmp_path)
    path = tmp_path / "counted-1" / "data.json"
    path.write_text(path.read_text().replace('"scale": 0.5', '"scale": 0.25'))
    assert load_data("counted", tmp_path).scale == 0.5
    assert counted.decoded == 2


def test_a_changed_version_is_decoded_again(counted: type[CountingDataset], tmp_path: Path) -> None:
    load_data("counted", tmp_path)
    counted.version = "2"
    load_data("counted", tmp_path)
    assert counted.decoded == 2


def test_changing_a_loaded_tensor_changes_no_file(tmp_path: Path) -> None:
    data = load_data("digits", tmp_path)
    data.x.zero_()
    assert load_data("digits", tmp_path).x.any()


def test_the_partial_folder_of_a_killed_process_is_removed(counted: type[CountingDataset], tmp_path: Path) -> None:
    part = tmp_path / f".counted-1.{socket.gethostname()}.part"
    part.mkdir()
    (part / "x.npy").write_bytes(b"half of it")
    load_data("counted", tmp_path)
    assert counted.decoded == 1
    assert not part.exists()


def test_missing_files_leave_no_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "data"))
    files = tuple(type(file)(file.path, (), file.checksums) for file in DATASETS["mnist"].files)  # without addresses
    monkeypatch.setattr(DATASETS["mnist"], "files", files)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz: the file is missing and cannot be fetched"):
        load_data("mnist", tmp_path / "tensors")
    assert not (tmp_path / "tensors" / "mnist-1").exists()


def test_an_error_names_the_store_that_cannot_be_written(counted: type[CountingDataset], tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where a folder should be")
    with pytest.raises(DataError) as error:
        load_data("counted", tmp_path / "store" / "tensors")
    assert str(error.value) == (
        f"{tmp_path / 'store/tensors/counted-1'}: the tensors cannot be stored: Not a directory; "
        "free some space, or set ABLATE_STORE to a folder that can be written"
    )
    assert counted.decoded == 0


LOAD = """
import sys
from dataclasses import replace
from pathlib import Path
from ablate.data import DATASETS
from ablate.data.cache import load_data
from ablate.data.digits import Digits

class Logged(Digits):
    def read(self, folder):
        with open(sys.argv[2], "a") as log:
            log.write("decoded\\n")
        return super().read(folder)

DATASETS["logged"] = Logged
assert load_data("logged", Path(sys.argv[1])).x.sum() == 561718
"""


@pytest.mark.slow
def test_concurrent_processes_decode_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-W", "error", "-c", LOAD, str(tmp_path / "tensors"), str(log)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    assert log.read_text() == "decoded\n"

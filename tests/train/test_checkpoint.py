"""Checkpoints are restored bit by bit; damaged files and those of other trials are refused."""

import dataclasses
import zipfile
from pathlib import Path

import pytest
import torch

from ablate.errors import DamagedFile
from ablate.train.checkpoint import Checkpoint, load, save

CHECKPOINT = Checkpoint(
    step=7,
    params={"encoder.weight": torch.rand(3, 2)},
    state={"smoothness": torch.tensor(0.3)},
    optimizers=({"encoder.weight": {"step": torch.tensor(7.0), "exp_avg": torch.rand(3, 2)}}, {}),
    noise=torch.Generator().get_state(),
    device="cpu",
    sums={"loss": 0.1},
    snapshots={3: {"encoder.weight": torch.rand(3, 2)}},
)


def test_a_saved_checkpoint_is_loaded_bit_by_bit(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint.pt", CHECKPOINT)
    found = load(tmp_path / "checkpoint.pt")
    assert found is not None
    assert (found.step, found.device, found.sums) == (7, "cpu", {"loss": 0.1})
    for name in ("params", "state", "optimizers", "noise", "snapshots"):
        torch.testing.assert_close(getattr(found, name), getattr(CHECKPOINT, name), rtol=0, atol=0)


def test_saving_replaces_the_file_and_leaves_no_partial_file(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint.pt", CHECKPOINT)
    save(tmp_path / "checkpoint.pt", dataclasses.replace(CHECKPOINT, step=8))
    found = load(tmp_path / "checkpoint.pt")
    assert found is not None
    assert found.step == 8
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_loading_a_missing_file_returns_none(tmp_path: Path) -> None:
    assert load(tmp_path / "checkpoint.pt") is None


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_file_is_refused_with_its_path(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save(path, CHECKPOINT)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    with pytest.raises(DamagedFile, match="the file is damaged") as refused:
        load(path)
    assert refused.value.place == str(path)


@pytest.mark.parametrize("part", ["values", "names"])
def test_flipped_bytes_are_detected_though_the_archive_has_a_right_checksum(part: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save(path, CHECKPOINT)
    values = CHECKPOINT.params["encoder.weight"].numpy().tobytes() if part == "values" else b"smoothness"
    with zipfile.ZipFile(path) as archive:
        members = {info: bytearray(archive.read(info)) for info in archive.infolist()}
    for content in members.values():
        if values in content:
            content[content.index(values)] ^= 1
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members.items():
            archive.writestr(info.filename, bytes(content))
    with pytest.raises(DamagedFile, match="the file is damaged"):
        load(path)


def test_a_checkpoint_of_another_trial_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint.pt", CHECKPOINT, "this")
    with pytest.raises(DamagedFile, match="the file is of trial this, not of other"):
        load(tmp_path / "checkpoint.pt", "other")


def test_a_checkpoint_that_follows_values_which_are_lost_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint.pt", CHECKPOINT, "this", recorded=3)
    assert load(tmp_path / "checkpoint.pt", "this", recorded=3) is not None
    with pytest.raises(DamagedFile, match="the file follows 3 recorded values, of which 2 are left"):
        load(tmp_path / "checkpoint.pt", "this", recorded=2)


def test_a_pickle_of_arbitrary_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"step": Path("anything"), "format": 1}, path)
    with pytest.raises(DamagedFile, match="the file is damaged"):
        load(path)


def test_a_checkpoint_of_version_0_1_which_names_no_trial_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"step": 1, "format": 1}, path)
    with pytest.raises(DamagedFile, match="the checkpoint has format 1, not 2"):
        load(path)

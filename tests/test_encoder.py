"""Saving, loading and calling trained encoders."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import ablate
from ablate.data_info import DataInfo
from ablate.encoder import Encoder, load_encoders, save_encoders
from ablate.errors import DataError, StudyError
from ablate.methods.method import Method, Tensors
from ablate.trial import Config

CONFIG = Config("invariant", "1", {"k": 10}, "digits", "1", {"epochs": 2}, 0)


def method() -> Method:
    return Encoder(CONFIG, {}).method


@pytest.fixture
def tensors() -> Tensors:
    params, state = method().init(DataInfo((1, 8, 8), 100, 10, 10), torch.Generator().manual_seed(0))
    everything = {**params, **state}
    return {name: tensor for name, tensor in everything.items() if name.startswith("encoder.")}


@pytest.fixture
def images() -> Tensor:
    return torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def file(tmp_path: Path, tensors: Tensors) -> Path:
    path = tmp_path / "encoder.pt"
    later = {name: tensor + 1 for name, tensor in tensors.items()}
    save_encoders(path, CONFIG, {9: tensors, 10: later})
    return path


def test_a_loaded_encoder_embeds_with_its_last_tensors(file: Path, tensors: Tensors, images: Tensor) -> None:
    encoder = ablate.load_encoder(file)
    z = encoder(images)
    later = {name: tensor + 1 for name, tensor in tensors.items()}
    assert torch.equal(z, method().embed(later, later, images))
    assert z.shape == (20, 10)
    assert not z.requires_grad
    assert encoder.config == CONFIG


def test_snapshots_are_loaded_by_epoch_the_oldest_first(tmp_path: Path, tensors: Tensors) -> None:
    path = tmp_path / "encoder.pt"
    save_encoders(path, CONFIG, {10: tensors, 9: {name: tensor * 0 for name, tensor in tensors.items()}})
    encoders = load_encoders(path)
    assert list(encoders) == [9, 10]
    assert all(torch.equal(encoders[10].tensors[name], tensor) for name, tensor in tensors.items())
    assert not any(tensor.any() for tensor in encoders[9].tensors.values())


def test_stored_values_are_scaled_and_large_inputs_are_split(
    tensors: Tensors, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder(CONFIG, tensors)
    levels = (images * 16).to(torch.uint8)
    whole = encoder(levels, scale=1 / 16)
    assert torch.equal(whole, encoder(levels.float() / 16))
    monkeypatch.setattr("ablate.encoder.VALUES", 8 * 64)
    torch.testing.assert_close(encoder(levels, scale=1 / 16), whole)


def test_to_moves_every_tensor(tensors: Tensors) -> None:
    moved = Encoder(CONFIG, tensors).to(torch.device("cpu"))
    assert moved.tensors.keys() == tensors.keys()
    assert moved.config == CONFIG


def test_saving_replaces_the_file_and_leaves_no_temporary_file(file: Path, tensors: Tensors) -> None:
    save_encoders(file, CONFIG, {1: tensors})
    assert list(load_encoders(file)) == [1]
    assert [path.name for path in file.parent.iterdir()] == ["encoder.pt"]


@pytest.mark.parametrize("content", [b"", b"not a file of torch's", b"PK\x03\x04", b"\x80\x02."])
def test_a_file_that_torch_cannot_read_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encoder.pt"
    path.write_bytes(content)
    with pytest.raises(DataError) as refused:
        ablate.load_encoder(path)
    assert str(refused.value) == (
        f"{path}: not an encoder file, or a damaged one; download it again, or delete it to train its trial again"
    )


def test_a_truncated_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(DataError, match="a damaged one"):
        ablate.load_encoder(file)


@pytest.mark.parametrize("content", [{}, [1, 2], {"trial": {"method": "invariant"}, "epochs": {}}])
def test_a_torch_file_without_an_encoder_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "encoder.pt")
    with pytest.raises(DataError, match="not an encoder file"):
        ablate.load_encoder(tmp_path / "encoder.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "encoder.pt"
    with pytest.raises(DataError) as refused:
        ablate.load_encoder(str(path))
    assert str(refused.value) == (
        f"{path}: there is no such file; name the file encoder.pt of a trial, or runs:/<run id>"
    )


def test_an_encoder_of_an_unregistered_method_is_refused_by_name(tmp_path: Path, images: Tensor) -> None:
    path = tmp_path / "encoder.pt"
    save_encoders(path, Config("invariamt", "1", {}, "digits", "1", {}, 0), {1: {}})
    with pytest.raises(StudyError, match="no method is called 'invariamt'; did you mean 'invariant'"):
        ablate.load_encoder(path)(images)

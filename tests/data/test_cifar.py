"""Reading CIFAR-10 and its recompressed copy, and refusing pickles that would run code."""

import hashlib
import io
import pickle
import shutil
import struct
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ablate.data.cifar import Cifar10, Cifar10Jpeg, read_batch, unpickle
from ablate.data.dataset import Data, File
from ablate.data.files import checksum_difference, verify
from ablate.errors import DataError

Load = Callable[[str], Data]


def batch(pixels: bytes, labels: list[int]) -> bytes:
    """A batch as Python 2 pickled it, written opcode by opcode."""
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        + (b"(K\x01J" + struct.pack("<i", len(labels)) + b"M\x00\x0c\x86")  # version, shape (N, 3072)
        + (b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb")
        + (b"\x89T" + struct.pack("<i", len(pixels)) + pixels + b"tb")  # row by row
    )
    return b"\x80\x02}(U\x06labels](" + numbers + b"eU\x04data" + array + b"u."


def row(red: int, green: int, blue: int) -> bytes:
    """An image of one colour: 1024 bytes of each channel."""
    return bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


def write_cifar(folder: Path, batches: dict[str, bytes]) -> Path:
    path = folder / Cifar10.files[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_row_of_a_batch_has_its_channels_in_the_order_red_green_blue() -> None:
    images, labels = read_batch(batch(row(1, 2, 3) + row(4, 5, 255), [7, 9]))
    assert images.shape == (2, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert images[:, :, 0, 0].tolist() == [[1, 2, 3], [4, 5, 255]]
    assert labels.tolist() == [7, 9]


def test_a_channel_is_stored_row_by_row() -> None:
    images, _ = read_batch(batch(bytes(range(32)) + bytes(3072 - 32), [0]))
    assert images[0, 0, 0].tolist() == list(range(32))


def test_test_images_follow_the_five_training_batches(tmp_path: Path) -> None:
    names = ("test_batch", "data_batch_2", "data_batch_1", "data_batch_5", "data_batch_4", "data_batch_3")
    numbers = {name: index for index, name in enumerate(names)}
    write_cifar(tmp_path, {name: batch(row(index, 0, 0), [index]) for name, index in numbers.items()})
    data = Cifar10().read(tmp_path)
    assert data.y.tolist() == [2, 1, 5, 4, 3, 0]
    assert data.x[:, 0, 0, 0].tolist() == [2, 1, 5, 4, 3, 0]
    assert data.test.tolist() == [False] * 5 + [True]


def test_an_archive_is_whole_where_every_batch_has_its_published_md5(tmp_path: Path) -> None:
    path = write_cifar(tmp_path, {name: name.encode() for name in Cifar10.files[0].md5sums})
    sums = {name: hashlib.md5(name.encode()).hexdigest() for name in Cifar10.files[0].md5sums}
    file = File(Cifar10.files[0].path, (), ("md5:0",), md5sums=sums)
    assert checksum_difference(file, path) == ""
    other = File(Cifar10.files[0].path, (), ("md5:0",), md5sums={**sums, "test_batch": "0"})
    assert checksum_difference(other, path).endswith("expected md5:0")


def test_the_folder_that_the_archive_was_unpacked_to_is_verified_and_read(tmp_path: Path) -> None:
    path = write_cifar(tmp_path, {name: batch(row(1, 2, 3), [5]) for name in Cifar10.files[0].md5sums})
    shutil.unpack_archive(path, path.parent, filter="data")
    expected = Cifar10().read(tmp_path)
    path.unlink()
    unpacked = path.parent / "cifar-10-batches-py"
    assert Cifar10.files[0].find(tmp_path) == unpacked
    assert Cifar10().read(tmp_path).x.equal(expected.x)
    with pytest.raises(DataError, match="test_batch in this folder is not as published; move it to another folder"):
        verify(Cifar10, tmp_path, tmp_path / "tensors")
    sums = {name: hashlib.md5((unpacked / name).read_bytes()).hexdigest() for name in Cifar10.files[0].md5sums}
    whole = type("Whole", (Cifar10,), {"files": (replace(Cifar10.files[0], md5sums=sums),)})
    verify(whole, tmp_path, tmp_path / "tensors")
    assert whole().content(tmp_path) == ""  # it is the published content: the key is the archive's
    (unpacked / "data_batch_5").unlink()
    assert Cifar10.files[0].find(tmp_path) == path  # a folder that lacks a file is not used


class FileWriter:
    """An object that creates a file when it is unpickled by a permissive unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_runs_no_code(protocol: int, tmp_path: Path) -> None:
    content = pickle.dumps({"data": FileWriter(tmp_path / "harm"), "labels": []}, protocol=protocol)
    with pytest.raises(ValueError, match=r"it refers to .*, which is not allowed"):
        unpickle(content)
    assert not (tmp_path / "harm").exists()


def test_a_pickle_that_refers_to_a_builtin_is_refused() -> None:
    with pytest.raises(ValueError, match=r"it refers to __builtin__\.eval, which is not allowed"):
        unpickle(b"c__builtin__\neval\n(U\x011tR.")


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"\x80\x02}.", b"\x80\x02K\x01.", batch(row(0, 0, 0), [0])[:-900], batch(row(0, 0, 0), [0, 1])],
)
def test_content_that_is_no_batch_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="a batch"):
        read_batch(content)


def test_an_archive_without_one_of_the_batches_is_refused(tmp_path: Path) -> None:
    path = write_cifar(tmp_path, {"data_batch_1": batch(row(0, 0, 0), [0])})
    with pytest.raises(DataError, match="there is no 'data_batch_2' in the archive") as error:
        Cifar10().read(tmp_path)
    assert error.value.place == str(path)


def jpeg(red: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (red, 0, 0)).save(file, "jpeg", quality=95)
    return file.getvalue()


def test_recompressed_images_are_decoded_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / Cifar10Jpeg.files[0].path
    path.parent.mkdir()
    jpegs = [jpeg(red) for red in (200, 0, 100)]
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(jpegs), np.uint8),
        offset=np.cumsum([0, *map(len, jpegs)]),
        label=np.array([2, 0, 1], np.uint8),
        n_train=np.array(2),
    )
    data = Cifar10Jpeg().read(tmp_path)
    assert data.x.shape == (3, 3, 32, 32)
    torch.testing.assert_close(data.x[:, 0, 0, 0].int(), torch.tensor([200, 0, 100]).int(), atol=3, rtol=0)
    assert (data.y.tolist(), data.test.tolist()) == ([2, 0, 1], [False, False, True])


@pytest.mark.slow
def test_a_recompressed_copy_that_is_packed_otherwise_is_verified_by_its_arrays(
    real_data: Path, tmp_path: Path
) -> None:
    (file,) = Cifar10Jpeg.files
    if not (real_data / file.path).exists():
        pytest.skip(f"there is no {file.path} in {real_data}")
    with np.load(real_data / file.path) as archive:
        arrays = {name: archive[name] for name in reversed(archive.files)}
    (tmp_path / "CIFAR10").mkdir()
    np.savez(tmp_path / file.path, **arrays)
    verify(Cifar10Jpeg, tmp_path, tmp_path / "tensors")
    np.savez(tmp_path / file.path, **{**arrays, "label": arrays["label"][::-1]})
    with pytest.raises(DataError, match="altered or packed otherwise"):
        verify(Cifar10Jpeg, tmp_path, tmp_path / "tensors")


def test_the_recompressed_copy_is_described_as_not_comparable() -> None:
    assert "JPEG-recompressed" in Cifar10Jpeg.description
    assert "not comparable" in Cifar10Jpeg.description


def lossless(real_data: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """The first thousand images of CIFAR-10, lossless, and their labels."""
    folder = real_data / "CIFAR10/lossless_first4000"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    rows = np.asarray(Image.open(folder / "cifar10_batch_0.png")).reshape(1000, 32, 32, 3)
    return torch.from_numpy(rows.transpose(0, 3, 1, 2).copy()), torch.from_numpy(np.load(folder / "labels.npy")[:1000])


def test_real_images_are_read_from_a_batch_unchanged(real_data: Path) -> None:
    images, labels = lossless(real_data)
    decoded, numbers = read_batch(batch(images[:50].numpy().tobytes(), labels[:50].tolist()))
    assert torch.equal(decoded, images[:50])
    assert numbers[:5].tolist() == [6, 9, 9, 4, 1]  # frog, truck, truck, deer, automobile


@pytest.mark.slow
def test_recompressed_images_have_a_signal_to_noise_ratio_of_30_decibels(real: Load, real_data: Path) -> None:
    images, labels = lossless(real_data)
    data = real("cifar10-jpeg")
    assert torch.equal(data.y[:1000], labels.long())
    error = (data.x[:1000].float() - images.float()).square().mean(dim=(1, 2, 3))
    decibels = 10 * torch.log10(255**2 / error)
    assert 30 < decibels.mean() < 31  # so results on this set are not comparable with those on CIFAR-10
    assert torch.bincount(data.y[data.seen]).tolist() == [5000] * 10
    assert torch.bincount(data.y[data.test]).tolist() == [1000] * 10

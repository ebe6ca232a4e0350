"""Reading idx files, and MNIST, Fashion-MNIST and EMNIST digits from them."""

import gzip
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ablate.data.dataset import Data
from ablate.data.idx import EmnistDigits, FashionMnist, Mnist, read_idx
from ablate.errors import DataError

Load = Callable[[str], Data]


def idx(shape: tuple[int, ...], entries: bytes) -> bytes:
    return gzip.compress(bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + entries)


def write_idx(path: Path, shape: tuple[int, ...], entries: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(idx(shape, entries))
    return path


def test_an_idx_file_is_read_in_the_shape_of_its_header(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "a.gz", (2, 1, 3), bytes([0, 1, 2, 253, 254, 255]))
    assert read_idx(path).tolist() == [[[0, 1, 2]], [[253, 254, 255]]]


def test_the_tensor_of_an_idx_file_is_writable(tmp_path: Path) -> None:
    labels = read_idx(write_idx(tmp_path / "a.gz", (2,), bytes([3, 4])))
    labels += 1
    assert labels.tolist() == [4, 5]


def test_an_idx_file_with_too_few_bytes_is_refused(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "a.gz", (2, 3), bytes(5))
    with pytest.raises(DataError) as error:
        read_idx(path)
    assert str(error.value) == (
        f"{path}: the file cannot be decoded: its header states 6 bytes, but 5 follow; replace it by a whole one"
    )


def test_a_truncated_gzip_stream_is_refused(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "a.gz", (100,), bytes(range(100)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be decoded: Compressed file ended before"):
        read_idx(path)


def test_a_file_that_is_neither_gzipped_nor_an_idx_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match="cannot be decoded: it has no header of an idx file"):
        read_idx(path)


def test_an_unpacked_idx_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.decompress(idx((2,), bytes([3, 4]))))
    assert read_idx(path).tolist() == [3, 4]


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x0d\x01\0\0\0\0", b"PNG\r\n"])
def test_content_without_an_idx_header_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="it has no header of an idx file of bytes"):
        read_idx(path)


def test_a_truncated_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x03\0\0\0\x01"))
    with pytest.raises(DataError, match="its header is truncated"):
        read_idx(path)


def write_mnist(folder: Path, labels: int) -> None:
    for part, images in (("train", 2), ("t10k", 1)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", (images, 28, 28), bytes([images]) * 784 * images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", (labels or images,), bytes(labels or images))


def test_training_images_come_before_test_images(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST/raw", labels=0)
    data = Mnist().read(tmp_path)
    assert data.x.shape == (3, 1, 28, 28)
    assert data.x[:, 0, 0, 0].tolist() == [2, 2, 1]
    assert data.test.tolist() == [False, False, True]


def test_different_counts_of_images_and_labels_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST/raw", labels=1)
    with pytest.raises(DataError, match=r"train-images.*it holds \(2, 28, 28\) pixels for 1 labels"):
        Mnist().read(tmp_path)


@pytest.mark.slow
def test_mnist_has_the_label_counts_of_its_publication(real: Load) -> None:
    data = real("mnist")
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(data.y[data.seen]).tolist() == train
    assert torch.bincount(data.y[data.test]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.slow
def test_mnist_begins_with_its_published_images_and_labels(real: Load) -> None:
    data = real("mnist")
    assert data.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.y[data.test][:5].tolist() == [7, 2, 1, 0, 4]
    assert data.x[0, 0, 5, 12:24].tolist() == [3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127]


@pytest.mark.slow
def test_fashion_mnist_is_balanced_and_begins_with_an_ankle_boot(real: Load) -> None:
    data = real("fashion-mnist")
    assert torch.bincount(data.y[data.seen]).tolist() == [6000] * 10
    assert torch.bincount(data.y[data.test]).tolist() == [1000] * 10
    assert data.y[0] == 9
    assert data.y[data.test][:5].tolist() == [9, 2, 1, 1, 6]
    assert data.x[0, 0, 3, 12:21].tolist() == [1, 0, 0, 13, 73, 0, 0, 1, 4]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_images_have_a_mean_norm_that_fits_the_papers_epsilon(name: str, real: Load) -> None:
    data = real(name)
    norms = (data.x[data.seen].flatten(1) * data.scale).norm(dim=1)
    assert 9 < norms.mean() < 13  # Ntelemis et al. 2022: epsilon 2, about a fifth of the average norm
    assert data.x.max() * data.scale == 1


def test_mnist_and_fashion_mnist_have_folders_of_their_own() -> None:
    assert {file.path.split("/")[0] for file in Mnist.files} == {"MNIST"}
    assert {file.path.split("/")[0] for file in FashionMnist.files} == {"FashionMNIST"}
    assert Mnist.files[0].addresses[0] == "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz"


def write_emnist(folder: Path, images: dict[str, bytes]) -> Path:
    """An archive of EMNIST with one image in each part."""
    path = folder / EmnistDigits.files[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for part, pixels in images.items():
            archive.writestr(f"gzip/emnist-digits-{part}-images-idx3-ubyte.gz", idx((1, 28, 28), pixels))
            archive.writestr(f"gzip/emnist-digits-{part}-labels-idx1-ubyte.gz", idx((1,), bytes([len(part)])))
        archive.writestr("gzip/emnist-letters-train-images-idx3-ubyte.gz", b"not read")
    return path


def test_emnist_images_are_transposed(tmp_path: Path) -> None:
    stored = bytes(range(28)) + bytes(784 - 28)  # the first stored row is the first column
    write_emnist(tmp_path, {"train": stored, "test": bytes(784)})
    data = EmnistDigits().read(tmp_path)
    assert data.x.shape == (2, 1, 28, 28)
    assert data.x[0, 0, :, 0].tolist() == list(range(28))
    assert data.x[0, 0, 0].tolist() == [0] * 28
    assert (data.y.tolist(), data.test.tolist()) == ([5, 4], [False, True])


@pytest.mark.parametrize("packed", [True, False])
def test_emnist_is_read_from_a_folder_whose_content_is_part_of_the_key(packed: bool, tmp_path: Path) -> None:
    path = write_emnist(tmp_path, {"train": bytes(range(28)) + bytes(756), "test": bytes(784)})
    expected, published = EmnistDigits().read(tmp_path), EmnistDigits().content(tmp_path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(path.parent)
    path.unlink()
    for file in [] if packed else list((path.parent / "gzip").glob("emnist-digits*")):
        (path.parent / file.stem).write_bytes(gzip.decompress(file.read_bytes()))  # as torchvision leaves them
        file.unlink()
    assert EmnistDigits().read(tmp_path).x.equal(expected.x)
    content = EmnistDigits().content(tmp_path)
    assert (published, len(content)) == ("", 16)
    (labels,) = path.parent.rglob("emnist-digits-test-labels*")
    labels.write_bytes(idx((1,), bytes([9])) if packed else gzip.decompress(idx((1,), bytes([9]))))
    assert EmnistDigits().content(tmp_path) not in ("", content)


def test_an_archive_without_one_of_the_parts_is_refused(tmp_path: Path) -> None:
    path = write_emnist(tmp_path, {"train": bytes(784)})
    with pytest.raises(DataError) as error:
        EmnistDigits().read(tmp_path)
    member = "gzip/emnist-digits-test-images-idx3-ubyte.gz"
    assert str(error.value) == (
        f"{path}: the file cannot be decoded: There is no item named '{member}' in the archive; "
        "replace it by a whole one"
    )


def test_emnist_is_downloaded_from_nist() -> None:
    (file,) = EmnistDigits.files
    assert file.addresses == ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",)
    assert file.checksums == ("md5:58c8d27c78d21e728a6bc7b3cc06412e",)

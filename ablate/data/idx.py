"""The MNIST family: MNIST, Fashion-MNIST and EMNIST digits, read from gzipped idx files as they are published."""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.data.archive import file_of
from ablate.data.checksum import open_unpacked
from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

EMNIST = "emnist-digits"  # how the names of its files begin
UNSIGNED_BYTE = 8  # the idx code for entries of type uint8


def read_idx(path: Path) -> Tensor:
    """The uint8 tensor in an idx file (LeCun's format), gzipped or not, in the shape that its header states.

    Raises DataError where the file is truncated or has another format.
    """
    with decoding(path), open_unpacked(path) as content:
        return parse_idx(content.read())


def parse_idx(content: bytes) -> Tensor:
    """The uint8 tensor in the content of an idx file; ValueError where it is truncated or has another format."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise ValueError("it has no header of an idx file of bytes")
    axes = content[3]
    if len(content) < 4 + 4 * axes:
        raise ValueError("its header is truncated")
    shape = struct.unpack_from(f">{axes}I", content, offset=4)
    entries = bytearray(content[4 + 4 * axes :])
    if len(entries) != prod(shape):
        raise ValueError(f"its header states {prod(shape)} bytes, but {len(entries)} follow")
    return torch.frombuffer(entries, dtype=torch.uint8).reshape(shape)


class Idx(Dataset):
    """Grey images (1, 28, 28) and their published test set; pixel values 0 to 255 are scaled to 0 to 1.

    `files` are the images and the labels of the training part, then of the test part.
    """

    shape = (1, 28, 28)
    evaluated = 10000

    def read(self, folder: Path) -> Data:
        train_images, train_labels, test_images, test_labels = (file.find(folder) for file in self.files)
        return self.join(self.read_part(train_images, train_labels), self.read_part(test_images, test_labels))

    def read_part(self, images_path: Path, labels_path: Path) -> tuple[Tensor, Tensor]:
        """Images (N, 28, 28) and labels (N,) of one part."""
        images, labels = read_idx(images_path), read_idx(labels_path)
        with decoding(images_path):
            self.check_counts(images, labels)
        return images, labels

    def check_counts(self, images: Tensor, labels: Tensor) -> None:
        """Raise ValueError unless there is one image of 28 × 28 pixels for each label."""
        if images.shape != (len(labels), *self.shape[1:]):
            raise ValueError(f"it holds {tuple(images.shape)} pixels for {len(labels)} labels")

    def join(self, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> Data:
        """One data set of training and test images (N, 28, 28) with their labels (N,)."""
        x = torch.cat([train[0], test[0]]).unsqueeze(1)
        y = torch.cat([train[1], test[1]]).long()
        return Data(x, y, torch.arange(len(y)) >= len(train[1]), scale=1 / 255, training_split="train")


def mirrored_files(folder: str, mirrors: tuple[str, ...], sums: Mapping[str, tuple[str, str]]) -> tuple[File, ...]:
    """The files of a folder that every mirror has under the same names; name → its md5 and the SHA-256 of its content.

    Unpacked files are found too, by their names with a hyphen or, as some programs write them, a dot.
    """
    return tuple(
        File(
            f"{folder}/{name}",
            tuple(f"{mirror}/{name}" for mirror in mirrors),
            (f"md5:{md5}", f"unpacked-sha256:{content}"),
            (f"{folder}/{name.removesuffix('.gz')}", f"{folder}/{name.removesuffix('.gz').replace('-idx', '.idx')}"),
        )
        for name, (md5, content) in sums.items()
    )


class Mnist(Idx):
    """MNIST, with the test set that was published with it."""

    source = "LeCun, Cortes and Burges 1998, The MNIST database of handwritten digits"
    description = "70000 handwritten digits of 28 × 28 pixels, 10 classes; 10000 of them are the test set"
    classes = 10
    samples = 60000
    files = mirrored_files(
        "MNIST/raw",
        ("https://ossci-datasets.s3.amazonaws.com/mnist", "http://yann.lecun.com/exdb/mnist"),
        {
            "train-images-idx3-ubyte.gz": (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            "train-labels-idx1-ubyte.gz": (
                "d53e105ee54ea40749a09fcbcd1e9432",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            "t10k-images-idx3-ubyte.gz": (
                "9fb629c4189551a2d022fa330f9573f3",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "ec29112dd5afa0611ce80d1b7f02629c",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        },
    )


class FashionMnist(Idx):
    """Fashion-MNIST, with the test set that was published with it."""

    source = "Xiao, Rasul and Vollgraf 2017, Fashion-MNIST, arXiv:1708.07747"
    description = "70000 pictures of clothing of 28 × 28 pixels, 10 balanced classes; 10000 of them are the test set"
    classes = 10
    samples = 60000
    files = mirrored_files(
        "FashionMNIST/raw",
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",),
        {
            "train-images-idx3-ubyte.gz": (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            "train-labels-idx1-ubyte.gz": (
                "25c81989df183df01b3e8a0aad5dffbe",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            "t10k-images-idx3-ubyte.gz": (
                "bef4ecab320f06d8554ea6380940ec79",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "bb300cfdad3c16e7a12a480ee83cd310",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        },
    )


class EmnistDigits(Idx):
    """EMNIST digits, read from the archive of all EMNIST sets, which stores images with rows and columns exchanged."""

    source = "Cohen, Afshar, Tapson and van Schaik 2017, EMNIST: an extension of MNIST to handwritten letters"
    description = "280000 handwritten digits of 28 × 28 pixels, 10 balanced classes; 40000 of them are the test set"
    classes = 10
    samples = 240000
    evaluated = 40000
    files = (
        File(
            "EMNIST/raw/gzip.zip",
            ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
            ("md5:58c8d27c78d21e728a6bc7b3cc06412e",),
            folders=("EMNIST/raw/gzip", "EMNIST/raw"),  # torchvision unpacks the archive beside it, and removes it
            members=tuple(f"{EMNIST}-{part}-*-idx?-ubyte*" for part in ("train", "test")),
        ),
    )

    def read(self, folder: Path) -> Data:
        path = self.files[0].find(folder)
        with decoding(path), part_reader(path) as read:
            return self.join(self.read_unpacked(read, "train"), self.read_unpacked(read, "test"))

    def read_unpacked(self, read: Callable[[str], bytes], part: str) -> tuple[Tensor, Tensor]:
        """Upright images (N, 28, 28) and labels (N,) of one part."""
        images = parse_idx(read(f"{EMNIST}-{part}-images-idx3-ubyte"))
        labels = parse_idx(read(f"{EMNIST}-{part}-labels-idx1-ubyte"))
        self.check_counts(images, labels)
        return images.transpose(1, 2), labels


@contextmanager
def part_reader(path: Path) -> Iterator[Callable[[str], bytes]]:
    """A function that reads the idx file of this name, from the archive of EMNIST or a folder it was unpacked to."""
    if path.is_dir():
        yield lambda name: read_idx_file(path, name)
        return
    with zipfile.ZipFile(path) as archive:
        yield lambda name: gzip.decompress(archive.read(f"gzip/{name}.gz"))


def read_idx_file(folder: Path, name: str) -> bytes:
    """The content of an idx file in a folder, gzipped or not.  Raises KeyError where there is none."""
    with open_unpacked(file_of(folder, name if (folder / name).exists() else f"{name}.gz")) as content:
        return content.read()

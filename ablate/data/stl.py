"""STL-10, at its own resolution and resized to 32 × 32 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ablate.data.archive import Opened, member_size, open_member, opened, read_member
from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.image import resize
from ablate.deferred import np, torch

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 96  # pixels; height and width of an original image
SIZE = 3 * SIDE * SIDE  # bytes of an original image
CHUNK = 500  # original images in memory at once, in addition to the result
PARTS = ("train", "unlabeled", "test")


class StlImages(Dataset):
    """The labelled training images, the unlabelled images, then the test images, each part in its published order.

    Training sees the unlabelled images, probes are fitted on the labelled training images.
    """

    source = "Coates, Lee and Ng 2011, An analysis of single-layer networks in unsupervised feature learning"
    classes = 10
    samples = 100000
    labelled = 5000
    evaluated = 8000
    files = (
        File(
            "STL10/stl10_binary.tar.gz",
            ("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
            ("md5:91f7769df0f17e558f3565bffb0c7dfb",),
            md5sums={
                "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
                "train_y.bin": "5a34089d4802c674881badbb80307741",
                "unlabeled_X.bin": "5242ba1fed5e4be9e1e742405eb56ca4",
                "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
                "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
            },
            folders=("STL10/stl10_binary", "stl10_binary"),
        ),
    )

    def read(self, folder: Path) -> Data:
        path = self.files[0].find(folder)
        with decoding(path), opened(path) as archive:
            counts = [member_size(archive, f"{part}_X.bin") // SIZE for part in PARTS]
            x = torch.empty(sum(counts), *self.shape, dtype=torch.uint8)
            for part, rows in zip(PARTS, x.split(counts), strict=True):
                with open_member(archive, f"{part}_X.bin") as content:
                    fill(rows, read_chunks(content))
            labels = [read_labels(archive, part, count) for part, count in zip(PARTS, counts, strict=True)]
        return Data(x, torch.cat(labels), torch.arange(len(x)) >= len(x) - counts[-1], 1 / 255, "unlabelled")


class Stl10(StlImages):
    """STL-10 at its own resolution."""

    description = (
        "113000 colour photographs of 96 × 96 pixels, 100000 of them without a label, 8000 for the test; 10 classes"
    )
    shape = (3, SIDE, SIDE)


class SmallStl10(StlImages):
    """STL-10 at the resolution of CIFAR-10, as VTE uses it: bilinear with antialiasing, before augmentation."""

    description = (
        "113000 colour photographs resized to 32 × 32 pixels, 100000 of them without a label, 8000 for the test; "
        "10 classes"
    )
    shape = (3, 32, 32)


def read_chunks(content: IO[bytes]) -> Iterator[Tensor]:
    """The images in a stream of bytes, as chunks (≤ CHUNK, 3, 96, 96); the stream has each channel column by column."""
    while chunk := content.read(CHUNK * SIZE):
        images = np.frombuffer(bytearray(chunk), np.uint8).reshape(-1, 3, SIDE, SIDE)
        yield torch.from_numpy(images).transpose(2, 3)


def fill(rows: Tensor, chunks: Iterator[Tensor]) -> None:
    """Write chunks of images (n, 3, 96, 96), resized where necessary, to consecutive `rows` (N, 3, side, side)."""
    start = 0
    for chunk in chunks:
        rows[start : start + len(chunk)] = chunk if rows.shape[-1] == SIDE else resize(chunk, rows.shape[-1])
        start += len(chunk)


def read_labels(archive: Opened, part: str, count: int) -> Tensor:
    """The labels (N,) of a part, counted from 0 (the file counts from 1); -1 for the unlabelled part."""
    if part == "unlabeled":
        return torch.full((count,), -1)
    labels = torch.frombuffer(bytearray(read_member(archive, f"{part}_y.bin")), dtype=torch.uint8)
    if len(labels) != count or labels.min() < 1 or labels.max() > 10:
        raise ValueError(f"it holds no label from 1 to 10 for each of the {count} images of the part '{part}'")
    return labels.long() - 1

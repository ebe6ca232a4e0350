"""CelebA: photographs of faces with forty binary attributes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.data.archive import file_of
from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.image import decode_image, resize
from ablate.deferred import np, torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

SIDE = 64  # pixels; height and width of a sample
CROP = 178  # pixels; the width of an aligned original
ATTRIBUTES = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips"),
    *("Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin"),
    *("Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open"),
    *("Mustache", "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline"),
    *("Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat"),
    *("Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young"),
)
TRAIN, TEST = 0, 2  # parts in the partition file; 1 is the validation part


def drive_file(
    name: str, drive_id: str, md5: str, folders: tuple[str, ...] = (), members: tuple[str, ...] = ()
) -> File:
    """A file in the authors' Google Drive."""
    address = f"https://drive.usercontent.google.com/download?id={drive_id}&export=download&confirm=t"
    return File(f"celeba/{name}", (address,), (f"md5:{md5}",), folders=folders, members=members)


class CelebA(Dataset):
    """The aligned faces of the official training and test parts; the label is the gender (1: male).

    The central 178 × 178 pixels of each image are resized to 64 × 64, in both parts; random crops in training are taken
    from these 64 × 64 pixels.  The targets are the forty attributes, each 0 or 1.  The official validation part is left
    out.
    """

    source = "Liu, Luo, Wang and Tang 2015, Deep learning face attributes in the wild"
    description = (
        "182732 faces of 64 × 64 colour pixels with 40 attributes, 2 classes (gender); 19962 of them are the test set"
    )
    shape = (3, SIDE, SIDE)
    classes = 2
    samples = 162770
    evaluated = 19962
    targets = ATTRIBUTES
    files = (
        drive_file(
            *("img_align_celeba.zip", "0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb"),
            folders=("celeba/img_align_celeba", "celeba/img_align_celeba/img_align_celeba"),
            members=("*.jpg",),
        ),
        drive_file("list_attr_celeba.txt", "0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c"),
        drive_file("list_eval_partition.txt", "0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668"),
    )

    def read(self, folder: Path) -> Data:
        faces, attributes, partition = (file.find(folder) for file in self.files)
        parts = {name: part for name, part in read_partition(partition).items() if part in (TRAIN, TEST)}
        targets = read_attributes(attributes, list(parts))
        test = torch.tensor([part == TEST for part in parts.values()])
        y = targets[:, ATTRIBUTES.index("Male")].long()
        return Data(read_faces(faces, list(parts)), y, test, 1 / 255, "train", targets)


def read_partition(path: Path) -> dict[str, int]:
    """The part (0, 1 or 2) of every image by its file name, in the order of the partition file."""
    with decoding(path):
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        return {name: int(part) for name, part in rows}


def read_attributes(path: Path, names: list[str]) -> Tensor:
    """The attributes (N, 40), 0 or 1, of the images with these file names."""
    with decoding(path):
        _, header, *lines = path.read_text(encoding="utf-8").splitlines()
        if tuple(header.split()) != ATTRIBUTES:
            raise ValueError("its columns are not the forty attributes in their order")
        rows = {line.split(maxsplit=1)[0]: line for line in lines}
        return torch.from_numpy(np.stack([parse_attributes(rows[name]) for name in names]) > 0).float()


def parse_attributes(line: str) -> NDArray[np.int8]:
    """The forty values, 1 or -1, in a line of the attributes file.  Raises ValueError where they are anything else."""
    values = np.array(line.split()[1:], dtype=np.int8)
    if values.shape != (len(ATTRIBUTES),) or (np.abs(values) != 1).any():
        raise ValueError(f"'{line[:40]}…' does not give 1 or -1 for each of forty attributes")
    return values


def read_faces(path: Path, names: list[str]) -> Tensor:
    """The faces (N, 3, 64, 64), uint8, of these file names."""
    x = torch.empty(len(names), 3, SIDE, SIDE, dtype=torch.uint8)
    with decoding(path), face_reader(path) as read:
        for row, name in zip(x, names, strict=True):
            row.copy_(crop_face(decode_image(read(name))))
    return x


@contextmanager
def face_reader(path: Path) -> Iterator[Callable[[str], bytes]]:
    """A function that reads a file of this name, from the published archive or the folder it was unpacked to."""
    if path.is_dir():
        yield lambda name: file_of(path, name).read_bytes()
        return
    with zipfile.ZipFile(path) as archive:
        yield lambda name: archive.read(f"img_align_celeba/{name}")


def crop_face(image: Tensor) -> Tensor:
    """The central 178 × 178 pixels of an image (3, H, W), resized to (3, 64, 64); ValueError where it is smaller."""
    height, width = image.shape[1:]
    if min(height, width) < CROP:
        raise ValueError(f"an image of {width} × {height} pixels is smaller than {CROP} × {CROP}")
    top, left = (height - CROP) // 2, (width - CROP) // 2
    return resize(image[None, :, top : top + CROP, left : left + CROP], SIDE)[0]

"""Reading STL-10 from archives that the tests write, and resizing it."""

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ablate.data import stl
from ablate.data.stl import SIZE, SmallStl10, Stl10
from ablate.errors import DataError


def write_stl(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / Stl10.files[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"stl10_binary/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def photograph(red: int) -> bytes:
    return bytes([red]) * 9216 + bytes([1]) * 9216 + bytes([2]) * 9216


SMALL = {
    "test_X": photograph(60),
    "test_y": bytes([10]),
    "train_X": photograph(10) + photograph(20),
    "train_y": bytes([1, 3]),
    "unlabeled_X": photograph(30) + photograph(40) + photograph(50),
}


def test_training_sees_unlabelled_images_and_probes_are_fitted_on_labelled_ones(tmp_path: Path) -> None:
    write_stl(tmp_path, SMALL)
    data = Stl10().read(tmp_path)
    assert data.x[:, :, 0, 0].tolist() == [[red, 1, 2] for red in (10, 20, 30, 40, 50, 60)]
    assert data.y.tolist() == [0, 2, -1, -1, -1, 9]
    assert data.seen.nonzero()[:, 0].tolist() == [2, 3, 4]
    assert data.probed.nonzero()[:, 0].tolist() == [0, 1]
    assert data.evaluation.nonzero()[:, 0].tolist() == [5]


def test_the_folder_that_the_archive_was_unpacked_to_is_read(tmp_path: Path) -> None:
    path = write_stl(tmp_path, SMALL)
    expected = Stl10().read(tmp_path)
    shutil.unpack_archive(path, path.parent, filter="data")
    path.unlink()
    data = Stl10().read(tmp_path)
    assert (data.x.equal(expected.x), data.y.equal(expected.y)) == (True, True)


def test_images_are_read_column_by_column(tmp_path: Path) -> None:
    write_stl(tmp_path, SMALL | {"test_X": bytes(range(96)) + bytes(SIZE - 96)})
    image = Stl10().read(tmp_path).x[-1]
    assert image[0, :, 0].tolist() == list(range(96))
    assert image[0, 0].tolist() == [0] * 96


def test_the_chunk_size_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stl(tmp_path, SMALL)
    whole = Stl10().read(tmp_path)
    monkeypatch.setattr(stl, "CHUNK", 2)
    assert torch.equal(Stl10().read(tmp_path).x, whole.x)


def test_small_images_are_resized_as_by_pillow(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "STL10/stl10_unlabeled_246_96x96.zip"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    with zipfile.ZipFile(path) as archive:
        images = [
            Image.open(io.BytesIO(archive.read(name))).convert("RGB")
            for name in archive.namelist()
            if name.endswith(".png")
        ][:20]
    stored = b"".join(np.asarray(image).transpose(2, 1, 0).tobytes() for image in images)
    write_stl(tmp_path, SMALL | {"unlabeled_X": stored})
    small = SmallStl10().read(tmp_path)
    expected = [np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1) for image in images]
    assert small.shape == SmallStl10.shape == (3, 32, 32)
    torch.testing.assert_close(small.x[small.seen].int(), torch.from_numpy(np.stack(expected)).int(), atol=1, rtol=0)
    full = Stl10().read(tmp_path)
    assert torch.equal(full.x[full.seen][0], torch.from_numpy(np.asarray(images[0]).transpose(2, 0, 1).copy()))


@pytest.mark.parametrize("labels", [bytes([1]), bytes([0, 3]), bytes([1, 11])])
def test_labels_out_of_range_or_missing_are_refused(labels: bytes, tmp_path: Path) -> None:
    write_stl(tmp_path, SMALL | {"train_y": labels})
    with pytest.raises(
        DataError, match="no label from 1 to 10 for each of the 2 images of the part 'train'; replace it by a whole one"
    ):
        Stl10().read(tmp_path)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = write_stl(tmp_path, SMALL)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"stl10_binary.tar.gz: the file cannot be decoded: "):
        Stl10().read(tmp_path)


def test_a_part_that_ends_inside_an_image_is_refused(tmp_path: Path) -> None:
    write_stl(tmp_path, SMALL | {"train_X": photograph(0) + photograph(0) + b"x"})
    with pytest.raises(DataError, match="cannot be decoded: cannot reshape"):
        Stl10().read(tmp_path)

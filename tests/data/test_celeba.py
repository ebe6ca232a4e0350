"""Reading CelebA from archives that the tests write."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ablate.data.celeba import ATTRIBUTES, CelebA, crop_face
from ablate.errors import DataError

PARTITION = {"000001.jpg": 0, "000002.jpg": 1, "000003.jpg": 2, "000004.jpg": 0}
PRESENT = {
    "000001.jpg": {"Male", "Bald"},
    "000002.jpg": {"Male"},
    "000003.jpg": {"Young"},
    "000004.jpg": {"Male", "Young"},
}


def jpeg(gray: int, size: tuple[int, int] = (178, 218)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (gray, gray, gray)).save(file, "jpeg")
    return file.getvalue()


def write_celeba(folder: Path, attributes: tuple[str, ...] = ATTRIBUTES) -> None:
    faces, attribute_list, partition = (folder / file.path for file in CelebA.files)
    faces.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(faces, "w") as archive:
        for index, name in enumerate(PARTITION):
            archive.writestr(f"img_align_celeba/{name}", jpeg(50 * index))
    rows = [f"{name} {' '.join('  1' if one in PRESENT[name] else ' -1' for one in ATTRIBUTES)}" for name in PARTITION]
    attribute_list.write_text("\n".join([str(len(rows)), " ".join(attributes) + " ", *rows]) + "\n")
    partition.write_text("".join(f"{name} {part}\n" for name, part in PARTITION.items()))


def test_the_training_and_test_parts_are_read_with_their_attributes(tmp_path: Path) -> None:
    write_celeba(tmp_path)
    data = CelebA().read(tmp_path)
    assert data.x.shape == (3, 3, 64, 64)
    assert data.x[:, 0, 0, 0].tolist() == [0, 100, 150]  # the second face is in the validation part
    assert data.test.tolist() == [False, True, False]
    assert data.y.tolist() == [1, 0, 1]  # 1: male
    assert data.targets is not None
    assert data.targets.shape == (3, len(CelebA.targets)) == (3, 40)
    assert data.targets.sum(dim=1).tolist() == [2, 1, 2]
    assert data.targets[:, CelebA.targets.index("Young")].tolist() == [0, 1, 1]


def test_faces_are_read_from_an_unpacked_folder_whose_content_is_part_of_the_key(tmp_path: Path) -> None:
    write_celeba(tmp_path)
    archive = tmp_path / CelebA.files[0].path
    expected = CelebA().read(tmp_path)
    shutil.unpack_archive(archive, archive.parent)
    archive.unlink()
    assert CelebA().read(tmp_path).x.equal(expected.x)
    content = CelebA().content(tmp_path)
    faces = archive.parent / "img_align_celeba"
    (faces / "000001.jpg").write_bytes(jpeg(70))
    assert CelebA().content(tmp_path) not in ("", content)
    (faces / "000001.jpg").unlink()
    with pytest.raises(DataError, match=r"there is no '000001.jpg' in the folder"):
        CelebA().read(tmp_path)


def test_attributes_have_the_indices_that_the_paper_gives() -> None:
    # Bizeul et al. 2024: hair colours have the indices 4, 8, 9, 11 and 17
    assert [ATTRIBUTES[index] for index in (4, 8, 9, 11, 17, 20)] == [
        *("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"),
        "Male",
    ]
    assert len(set(ATTRIBUTES)) == 40


def test_a_face_is_the_central_square_of_178_pixels() -> None:
    image = torch.zeros(3, 218, 178, dtype=torch.uint8)
    image[:, 20:198] = 200  # rows 20 to 197 are in the square
    assert crop_face(image).unique().tolist() == [200]
    image[:, 19], image[:, 198] = 100, 100
    assert crop_face(image).unique().tolist() == [200]
    image[:, 20] = 0
    assert crop_face(image)[0, 0, 0] < 200


def test_a_face_is_resized_as_by_pillow() -> None:
    pixels = torch.arange(218 * 178).reshape(1, 218, 178).expand(3, -1, -1).remainder(251).to(torch.uint8)
    whole = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    expected = np.asarray(whole.crop((0, 20, 178, 198)).resize((64, 64), Image.Resampling.BILINEAR))
    torch.testing.assert_close(
        crop_face(pixels).int(), torch.from_numpy(expected.transpose(2, 0, 1).astype(np.int32)), atol=1, rtol=0
    )


def test_attributes_in_another_order_are_refused(tmp_path: Path) -> None:
    write_celeba(tmp_path, attributes=ATTRIBUTES[::-1])
    with pytest.raises(DataError, match=r"list_attr_celeba.txt: .* not the forty attributes in their order"):
        CelebA().read(tmp_path)


def test_attribute_values_other_than_1_and_minus_1_are_refused(tmp_path: Path) -> None:
    write_celeba(tmp_path)
    path = tmp_path / CelebA.files[1].path
    path.write_text(path.read_text().replace(" -1", "  0", 1))
    with pytest.raises(DataError, match=r"list_attr_celeba.txt: .*'000001.jpg.*…' does not give 1 or -1 for each"):
        CelebA().read(tmp_path)


def test_an_error_names_the_missing_image(tmp_path: Path) -> None:
    write_celeba(tmp_path)
    with zipfile.ZipFile(tmp_path / CelebA.files[0].path, "w") as archive:
        archive.writestr("img_align_celeba/000001.jpg", jpeg(0))
    with pytest.raises(DataError, match=r"no item named 'img_align_celeba/000003.jpg'"):
        CelebA().read(tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(jpeg(0)[:-400], "truncated"), (b"<html>", "cannot identify"), (jpeg(0, (99, 178)), "99 × 178")],
)
def test_a_damaged_image_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    write_celeba(tmp_path)
    with zipfile.ZipFile(tmp_path / CelebA.files[0].path, "w") as archive:
        archive.writestr("img_align_celeba/000001.jpg", content)
    with pytest.raises(DataError, match=f"img_align_celeba.zip: the file cannot be decoded: .*{problem}"):
        CelebA().read(tmp_path)

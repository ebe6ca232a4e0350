"""Contact sheets of augmentation pipelines."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ablate.augment import pipeline
from ablate.draw.contact_sheets import contact_sheet, contact_sheets
from ablate.errors import StudyError
from ablate.paths import Store


def test_a_sheet_has_a_row_per_image_which_begins_with_the_image_itself() -> None:
    """2 images of 4 x 5 with 3 views: 2 rows and 4 columns, with 2 white pixels between them."""
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    sheet = contact_sheet(images, pipeline("normalized-cifar10"), 3, torch.Generator())
    assert sheet.shape == (2 * 4 + 2, 4 * 5 + 3 * 2, 3)
    first, second = images.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(sheet[6:10, :5], second, atol=1e-6)
    np.testing.assert_allclose(sheet[:4, 7:12], first, atol=1e-6)
    assert (sheet[4:6] == 1).all()
    assert (sheet[:, 5:7] == 1).all()


def test_views_of_an_image_differ_and_are_between_zero_and_one() -> None:
    images = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    sheet = contact_sheet(images, pipeline("simclr-cifar10"), 2, torch.Generator().manual_seed(1))
    assert sheet.min() >= 0
    assert sheet.max() <= 1
    assert not np.array_equal(sheet[:, 10:18], sheet[:, 20:28])


def test_grey_images_have_sheets_of_the_pipelines_that_accept_them(tmp_path: Path) -> None:
    files = {file.stem: file for file in contact_sheets("digits", Store(tmp_path))}
    assert {"none", "simclr-grey", "simvae-mnist"} <= set(files)
    assert "simclr-cifar10" not in files
    pixels = np.asarray(Image.open(files["none"]))
    assert pixels.shape == (12 * (6 * 8 + 5 * 2), 12 * (8 * 8 + 7 * 2), 3)  # six rows of eight, two pixels between
    assert set(np.unique(np.asarray(Image.open(files["simvae-mnist"])))) == {0, 255}


def test_a_data_set_of_vectors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(real_data))
    with pytest.raises(StudyError, match="'fsdd' holds no images"):
        list(contact_sheets("fsdd", Store(tmp_path)))

"""Contact sheets show every pipeline that fits the images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.draw.contact_sheets import contact_sheets
from ablate.errors import StudyError
from ablate.paths import Store


def test_grey_images_are_shown_as_grey_pipelines_make_them(tmp_path: Path) -> None:
    files = {file.stem: file for file in contact_sheets("digits", Store(tmp_path))}
    assert {"none", "simclr-grey", "simvae-mnist"} <= set(files)
    assert "simclr-cifar10" not in files
    pixels = np.asarray(Image.open(files["none"]))
    assert pixels.shape == (12 * (6 * 8 + 5 * 2), 12 * (8 * 8 + 7 * 2), 3)  # six rows of eight, two pixels between
    assert set(np.unique(np.asarray(Image.open(files["simvae-mnist"])))) == {0, 255}


def test_vectors_are_no_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(real_data))
    with pytest.raises(StudyError, match="'fsdd' holds no images"):
        list(contact_sheets("fsdd", Store(tmp_path)))

"""Measures of PNG files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def png_size() -> Callable[[Path], tuple[int, int]]:
    """Reads the width and the height of a PNG in pixels."""

    def read(file: Path) -> tuple[int, int]:
        with Image.open(file) as image:
            assert image.format == "PNG"
            return image.size

    return read

"""What all tests share: real data where it is to be had."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: ABLATE_DATA, else ../shared/data."""
    folder = Path(os.environ.get("ABLATE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; set ABLATE_DATA to a folder that holds some")
    return folder

"""Real data sets, decoded once per test session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ablate.data import DATASETS
from ablate.data.cache import load
from ablate.data.dataset import Data


@pytest.fixture(scope="session")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Data]]:
    """Loads a real data set by its name; skips where its files are not there."""
    tensors = tmp_path_factory.mktemp("tensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABLATE_DATA", str(real_data))
        yield lambda name: load(present(name, real_data), tensors)


def present(name: str, folder: Path) -> str:
    """The name of a data set whose files lie below a folder, so that nothing is fetched."""
    for file in DATASETS[name].files:
        if not (folder / file.path).exists():
            pytest.skip(f"there is no {file.path} in {folder}")
    return name

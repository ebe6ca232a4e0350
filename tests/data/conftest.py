"""Real data sets, decoded once per test session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ablate.data import DATASETS
from ablate.data.cache import load_data
from ablate.data.dataset import Data
from ablate.testing.datasets import skip_without_files


@pytest.fixture(scope="session")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Data]]:
    """A function that loads a real data set by its name, and skips the test where its files are missing."""
    tensors = tmp_path_factory.mktemp("tensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABLATE_DATA", str(real_data))

        def load_or_skip(name: str) -> Data:
            skip_without_files(DATASETS[name], real_data)
            return load_data(name, tensors)

        yield load_or_skip

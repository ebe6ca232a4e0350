"""Real data sets, decoded once per test session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ablate.data.cache import load
from ablate.data.dataset import Data


@pytest.fixture(scope="session")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Data]]:
    """Loads a real data set by its name."""
    tensors = tmp_path_factory.mktemp("tensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABLATE_DATA", str(real_data))
        yield lambda name: load(name, tensors)

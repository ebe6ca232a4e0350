"""What all tests share: real data where it is to be had, and an MLflow server that stays."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads torch: processes of tests share the cores

from ablate.paths import Store
from ablate.track.server import ensure_server

ROOT = Path(__file__).parent.parent


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What is marked `gpu` runs where there is one."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no accelerator")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: ABLATE_DATA, else ../shared/data."""
    folder = Path(os.environ.get("ABLATE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; set ABLATE_DATA to a folder that holds some")
    return folder


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that runs before whoever uses it and after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        server = ensure_server(Store(tmp_path_factory.mktemp("store")))
    yield server.uri
    server.stop()

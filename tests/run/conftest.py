"""Two small methods, and contexts in which packs run."""

from pathlib import Path

import pytest
import torch

from ablate.methods import METHODS
from ablate.paths import StudyPaths
from ablate.run_context import RunContext, never_stop
from ablate.testing.pack_runs import Ascent, MakeContext, Slope, StopRequests
from ablate.track.spool import SpoolTracker


@pytest.fixture(autouse=True)
def slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "slope", Slope)
    monkeypatch.setitem(METHODS, "ascent", Ascent)


@pytest.fixture(scope="session")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tensors")


@pytest.fixture
def make_context(tmp_path: Path, tensors: Path) -> MakeContext:
    def make(folder: str = "study", stop: StopRequests = never_stop) -> RunContext:
        paths = StudyPaths(tmp_path / folder)
        return RunContext(paths, tensors, SpoolTracker(paths), torch.device("cpu"), stop_request=stop)

    return make

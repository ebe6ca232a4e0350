"""Launches without Ray and MLflow."""

from pathlib import Path

import pytest

from .launches import STUDY, Curves, Launches


@pytest.fixture
def launches(tmp_path: Path) -> Launches:
    return Launches(tmp_path)


@pytest.fixture(scope="session")
def whole_curves(tmp_path_factory: pytest.TempPathFactory) -> Curves:
    """The curves of a launch of the small study that nothing stopped."""
    launches = Launches(tmp_path_factory.mktemp("uninterrupted"))
    launches.launch(launches.read(STUDY))
    return launches.curves

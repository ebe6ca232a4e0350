"""Folders that the environment names: `~` is filled in, and relative ones are those of the working folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.paths import cache_folder, data_folder, default_store


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ("ABLATE_STORE", lambda: default_store().root),
        ("ABLATE_DATA", data_folder),
        ("XDG_CACHE_HOME", lambda: cache_folder().parent),
    ],
)
def test_a_tilde_in_a_variable_is_the_home_folder(
    variable: str, folder: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for given in ("~/lab files", "lab files"):
        monkeypatch.setenv(variable, given)
        assert folder() == tmp_path / "lab files"

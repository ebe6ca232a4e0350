"""Installed packages add methods; a broken one takes nothing along."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.methods import METHODS, registry
from ablate.methods.invariant import Invariant

PLUGIN = """
from ablate.methods.invariant import Invariant

class Mine(Invariant):
    source = "nobody, nowhere"

not_a_method = 3
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a distribution with these entry points on the path."""

    def put(**entries: str) -> None:
        metadata = tmp_path / "plugin-1.0.dist-info"
        metadata.mkdir()
        lines = [f"{name} = {target}" for name, target in entries.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[ablate.methods]", *lines]))
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
        (tmp_path / "ablate_plugin.py").write_text(PLUGIN)
        monkeypatch.syspath_prepend(tmp_path)

    return put


def test_the_papers_method_is_there() -> None:
    assert METHODS["invariant"] is Invariant


def test_a_missing_name_gets_a_suggestion() -> None:
    with pytest.raises(StudyError, match="no method is called 'invarient'; did you mean 'invariant'"):
        METHODS["invarient"]


def test_a_package_adds_a_method(install: Callable[..., None]) -> None:
    install(mine="ablate_plugin:Mine")
    assert registry()["mine"].source == "nobody, nowhere"


def test_a_package_replaces_no_method(install: Callable[..., None]) -> None:
    install(invariant="ablate_plugin:Mine")
    assert registry()["invariant"] is Invariant


def test_a_broken_package_is_left_out_with_a_warning(install: Callable[..., None]) -> None:
    install(broken="ablate_plugin_that_is_not_there:Mine")
    with pytest.warns(UserWarning, match="method 'broken' .* cannot be imported: No module named"):
        assert "broken" not in registry()


def test_what_is_no_method_is_left_out_with_a_warning(install: Callable[..., None]) -> None:
    install(odd="ablate_plugin:not_a_method")
    with pytest.warns(UserWarning, match="method 'odd' .* is no subclass of Method"):
        assert "odd" not in registry()

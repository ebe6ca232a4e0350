"""Study files that are wrong, and what is said of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.read import read_study


@pytest.fixture
def complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """`complaint(text)`: what is said of a file study.yaml with this text, which ends a command with exit code 2."""
    monkeypatch.chdir(tmp_path)

    def of(text: str) -> str:
        Path("study.yaml").write_text(text)
        with pytest.raises(StudyError) as raised:
            read_study("study.yaml")
        assert raised.value.exit_code == 2
        return str(raised.value)

    return of

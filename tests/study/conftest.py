"""The error message of a study file with a mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.read import read_study


@pytest.fixture
def error_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """`error_message(text)`: the message of the StudyError, of exit code 2, for a study.yaml with this text."""
    monkeypatch.chdir(tmp_path)

    def of(text: str) -> str:
        Path("study.yaml").write_text(text)
        with pytest.raises(StudyError) as raised:
            read_study("study.yaml")
        assert raised.value.exit_code == 2
        return str(raised.value)

    return of

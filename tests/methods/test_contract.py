"""The contract of `ablate.testing.methods` for every method in the registry, and by inheritance as packages use it."""

import subprocess
import sys
from pathlib import Path

import pytest

from ablate.methods import METHODS
from ablate.methods.method import Method
from ablate.testing.methods import MethodContract

MINE = """
from ablate.methods.classical import PCA
from ablate.testing.methods import MethodContract

class TestMine(MethodContract):
    method = PCA
"""


class TestMethods(MethodContract):
    @pytest.fixture(params=sorted(METHODS))
    def small(self, request: pytest.FixtureRequest) -> Method:
        kind = METHODS[request.param]
        return kind(**kind.small)


@pytest.mark.slow
def test_a_package_inherits_the_contract_for_a_method_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(MINE, encoding="utf-8")
    marks = ["-o", "markers=slow\ngpu", "-m", "not gpu"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *marks, "test_mine.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert "passed" in ran.stdout

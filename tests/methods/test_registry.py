"""The table of methods: rows are found by name, whatever module of ablate is imported first."""

import subprocess
import sys

import pytest

from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.methods.invariant import Invariant


def test_a_method_is_found_by_its_name() -> None:
    assert METHODS["invariant"] is Invariant


def test_an_unknown_method_gets_a_suggestion() -> None:
    with pytest.raises(StudyError, match="no method is called 'invarient'; did you mean 'invariant'"):
        METHODS["invarient"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["ablate.methods.method", "ablate.methods.vae", "ablate.probes.probe", "ablate.row_checks"]
)
def test_a_package_may_import_any_module_first(module: str) -> None:
    program = f"import {module}; from ablate.methods import METHODS; assert len(METHODS) > 20"
    subprocess.run([sys.executable, "-c", program], check=True)

"""A package outside ablate, installed into a fresh environment: it is listed, checked, launched and tested there."""

import json
import os
import shutil
import site
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ablate

from ..services.waiting import wait_until

pytestmark = [pytest.mark.slow]

PACKAGE = Path(__file__).parent / "package"
STUDY = """
question: Does the penalty of an outside method matter to its outside probe on its outside data?
method: linear-autoencoder
dataset: rings
axes: {method.penalty: [0.0, 0.1]}
fixed: {training.epochs: 2, training.batch_size: 50}
seeds: 1
probes: [centroid, linear]
metric: centroid/accuracy
resources: {cpu: 2}
"""
BAD_PACKAGE = """
from dataclasses import dataclass
from ablate_example import LinearAutoencoder

@dataclass(frozen=True)
class Plain(LinearAutoencoder):
    rank: int = 3
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that sees this one's packages, with the outside package installed."""
    folder = tmp_path_factory.mktemp("outside")
    source = shutil.copytree(PACKAGE, folder / "source")  # a build writes into its source folder
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    found = folder / "venv" / "bin" / "python"
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    paths = [*site.getsitepackages(), str(Path(ablate.__file__).parent.parent)]
    (packages / "parent.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([found, "-m", "pip", *install, source], check=True, timeout=300)
    return found


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Run:
    """A function that runs a module of the new environment in an empty folder."""
    environment = {**os.environ, "ABLATE_STORE": str(tmp_path / "store"), "COLUMNS": "200"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    environment.pop("PYTHONPATH", None)

    def start(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [python, "-m", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    return start


@pytest.mark.parametrize(
    ("table", "name"), [("methods", "linear-autoencoder"), ("datasets", "rings"), ("probes", "centroid")]
)
def test_rows_of_an_installed_package_are_listed(run: Run, table: str, name: str) -> None:
    done = run("ablate", "list", table, "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows[name]["facts"]["package"] == "ablate-example 1.0"


def test_a_study_of_an_installed_package_is_checked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "penalty.yaml").write_text(STUDY, encoding="utf-8")
    done = run("ablate", "check", "penalty.yaml")
    lines = done.stdout.splitlines()  # the second shows a sentence of the report
    assert (done.returncode, lines[0]) == (0, "penalty: 2 trials of 2 variants on rings"), done.stderr


@pytest.mark.cluster
def test_a_study_of_an_installed_package_is_submitted_to_a_target_of_that_package(run: Run, tmp_path: Path) -> None:
    (tmp_path / "penalty.yaml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "lab.yaml").write_text("background: {nicenes: 1}\n", encoding="utf-8")
    submit = ("ablate", "submit", "penalty.yaml", "--to", "background")
    assert "did you mean 'niceness'?" in run(*submit, "--target", "lab.yaml").stderr
    done = run(*submit)
    assert done.returncode == 0, done.stderr
    log = tmp_path / "store" / "studies" / "penalty" / "background.log"
    wait_until(lambda: "2 of 2 trials finished" in log.read_text(encoding="utf-8"), lambda: log.read_text("utf-8"))
    assert log.read_text(encoding="utf-8") in run("ablate", "logs", "penalty").stdout
    report = json.loads(run("ablate", "report", "penalty.yaml", "--json").stdout)
    assert report["metric"] == "centroid/accuracy"


def test_the_packages_own_tests_pass_the_contracts(run: Run, tmp_path: Path) -> None:
    tests = shutil.copytree(PACKAGE, tmp_path / "package")
    done = run("pytest", "-q", "-p", "no:cacheprovider", "-n0", tests)
    assert done.returncode == 0, done.stdout


def test_a_bad_row_of_a_second_package_is_refused_and_the_first_works(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD_PACKAGE, encoding="utf-8")
    metadata = tmp_path / "bad-0.1.dist-info"  # the folder in which `python -m` starts is on the path
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[ablate.methods]\nplain = bad:Plain\n", encoding="utf-8")
    (tmp_path / "plain.yaml").write_text(STUDY.replace("linear-autoencoder", "plain"), encoding="utf-8")
    reason = "the method 'plain' of the package bad 0.1 is refused: the field 'rank' of Plain has no description"
    listed = run("ablate", "list", "methods")
    assert "\nlinear-autoencoder " in listed.stdout
    assert f"refused  {reason}; declare it with ablate.options.option" in listed.stdout
    checked = run("ablate", "check", "plain.yaml")
    assert (checked.returncode, checked.stderr.startswith(f"ablate: plain.yaml:3:9: {reason}; ")) == (2, True)
    doctor = json.loads(run("ablate", "doctor", "--json").stdout)
    (plugins,) = (check for check in doctor if check["what"] == "plugins")
    assert (plugins["fit"], plugins["found"]) == (False, reason)
    assert plugins["remedy"].endswith("or uninstall bad")

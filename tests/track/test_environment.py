"""The environment of a trial: commit, versions, device, host."""

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from ablate.track.environment import commit, environment, installed, versions

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]


def test_the_environment_is_found_without_importing_the_packages_it_names() -> None:
    code = (
        "import sys; from ablate.track.environment import environment; print(environment());"
        "assert not {'torch', 'ray', 'mlflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_every_entry_of_the_environment_has_a_value(tmp_path: Path) -> None:
    found = environment("cpu", tmp_path)
    assert set(found) == {"git", "versions", "device", "host"}
    assert all(found.values())
    assert found["git"] == "none"
    assert found["device"].startswith("cpu: ")
    assert environment("cuda:0")["device"].startswith("cuda")


def test_a_plus_marks_a_commit_from_which_tracked_files_differ(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run([*GIT, "-C", tmp_path, "add", "a"], check=True)
    subprocess.run([*GIT, "-C", tmp_path, "commit", "-q", "-m", "a"], check=True)
    clean = commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "a").write_text("2")
    assert commit(tmp_path) == f"{clean}+"


def test_packages_that_are_missing_are_left_out() -> None:
    assert "nothing-of-that-name" not in versions(["nothing-of-that-name"])
    assert "mlflow 3" in versions(["mlflow"])


def test_every_installed_package_is_listed_with_the_version_of_its_metadata() -> None:
    wanted = {f"{package.metadata['Name']}=={package.version}" for package in distributions()}
    assert set(installed().splitlines()[1:]) == wanted

"""Facts about a machine cost no import."""

import subprocess
import sys
from pathlib import Path

from ablate.track.environment import commit, environment, versions

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]


def test_facts_are_found_without_the_libraries_they_name() -> None:
    code = (
        "import sys; from ablate.track.environment import environment; print(environment());"
        "assert not {'torch', 'ray', 'mlflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_every_fact_says_something(tmp_path: Path) -> None:
    facts = environment("cpu", tmp_path)
    assert set(facts) == {"git", "versions", "device", "host"}
    assert all(facts.values())
    assert facts["git"] == "none"
    assert facts["device"].startswith("cpu: ")
    assert environment("cuda:0")["device"].startswith("cuda")


def test_a_commit_says_whether_files_differ_from_it(tmp_path: Path) -> None:
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

"""How a node that has other packages, other code or another store than the launch is told from one that fits."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ablate.cluster.node_report import (
    REPORTS,
    NodeReport,
    code_digest,
    differences,
    encoded_own_report,
    own_report,
    require_same,
)
from ablate.doctor import shortcoming
from ablate.errors import ServiceError


def report(torch: str = "2.9.0", code: str = "a1") -> NodeReport:
    versions = {"Python": "3.11.2", "ablate": "0.2.0", "torch": torch}
    return NodeReport("10.0.0.1", versions, {"ablate": "f0", "lab_methods": code})


def test_a_node_with_the_same_versions_and_code_has_no_differences() -> None:
    assert differences(report(), replace(report(), node="10.0.0.2", disk=3.0, datasets=("digits",))) == []


def test_every_other_version_and_code_of_a_node_is_named() -> None:
    assert differences(report(), report(torch="2.8.0", code="b2")) == [
        "torch 2.8.0 (here 2.9.0)",
        "other code of lab_methods",
    ]


def test_a_package_that_a_node_lacks_is_named() -> None:
    bare = NodeReport("10.0.0.2", {"Python": "3.11.2", "ablate": "0.2.0"}, {"ablate": "f0"})
    assert differences(report(), bare) == ["torch none (here 2.9.0)", "other code of lab_methods"]


def test_a_node_may_have_packages_that_the_launch_lacks() -> None:
    assert differences(NodeReport("here", {"Python": "3.11.2"}, {"ablate": "f0"}), report()) == []


@pytest.mark.parametrize(
    ("node", "gpus", "problem"),
    [
        (replace(report(), disk=50.0), 0, ""),
        (replace(report(), disk=50.0, gpus=2), 2, ""),
        (replace(report(), disk=0.5), 0, "little free disk space"),
        (replace(report(), disk=50.0, gpus=0), 0, "torch can use none of its GPUs"),  # it has NVIDIA's driver
        (replace(report(), disk=50.0, gpus=1), 4, "torch can use 1 of its GPUs"),
        (replace(report(), disk=50.0), 4, "torch can use none of its GPUs"),
        (replace(report(), problem="no MLflow", remedy="start it"), 4, "no MLflow"),
    ],
)
def test_doctor_finds_a_node_unfit_whose_disk_is_full_or_whose_gpus_torch_cannot_use(
    node: NodeReport, gpus: float, problem: str
) -> None:
    found, remedy = shortcoming(node, gpus)
    assert found == problem
    assert bool(remedy) == bool(problem)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package."""
    folder = tmp_path / "lab_methods"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("SIZE = 1\n")
    (folder / "data" / "table.csv").write_text("a,b\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize("file", ["__init__.py", "data/table.csv", "new.py", "data/new.yaml"])
def test_the_digest_of_a_package_depends_on_every_file_that_decides_results(package: Path, file: str) -> None:
    before = code_digest("lab_methods")
    (package / file).write_text("SIZE = 2\n")
    assert code_digest("lab_methods") != before


def test_the_digest_of_a_package_depends_on_names_of_files(package: Path) -> None:
    before = code_digest("lab_methods")
    (package / "data" / "table.csv").rename(package / "data" / "other.csv")
    assert code_digest("lab_methods") != before


def test_the_digest_of_a_package_is_that_of_a_copy_elsewhere(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_digest("lab_methods")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"compiled")
    (tmp_path / "elsewhere").mkdir()
    package.rename(tmp_path / "elsewhere" / "lab_methods")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert code_digest("lab_methods") == before


def test_a_single_module_has_a_digest_and_a_missing_one_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert code_digest("lab_module") == "none"
    (tmp_path / "lab_module.py").write_text("SIZE = 1\n")
    before = code_digest("lab_module")
    (tmp_path / "lab_module.py").write_text("SIZE = 2\n")
    assert len(before) == 16
    assert code_digest("lab_module") not in (before, "none")


def test_a_worker_on_a_node_like_the_driver_is_not_refused(tmp_path: Path) -> None:
    require_same(encoded_own_report(), tmp_path)
    assert own_report().versions["Python"] == ".".join(map(str, sys.version_info[:3]))


def test_a_worker_on_a_node_with_other_versions_or_code_is_refused(tmp_path: Path) -> None:
    here = own_report()
    for wanted, problem in (
        (replace(here, versions={**here.versions, "torch": "0.1"}), rf"torch {here.versions['torch']} \(here 0\.1\)"),
        (replace(here, versions={**here.versions, "ablate": "9"}), rf"ablate {here.versions['ablate']} \(here 9\)"),
        (replace(here, code={**here.code, "ablate": "b2"}), "other code of ablate"),
    ):
        with pytest.raises(ServiceError, match=f"the node has {problem}; install the same on every node"):
            require_same(REPORTS.encode(wanted), tmp_path)


def test_a_worker_on_a_node_without_the_folder_of_the_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"the node does not see .*; name a folder that all nodes share"):
        require_same(encoded_own_report(), tmp_path / "absent")

"""A node that cannot get the data of a study is refused, and left out where it joins later."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from ablate.cluster import joining
from ablate.cluster.joining import NodeCheck, compared_reports, joined_reports, require_cluster
from ablate.cluster.node_report import REPORTS, NodeReport, report_of_node
from ablate.cluster.ray_cluster import live_nodes, start_ray
from ablate.data import DATASETS
from ablate.data.cache import cache_data, is_cached
from ablate.errors import ServiceError
from ablate.launch_config import ClusterRequest
from ablate.paths import Store, data_folder

OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # no process listens there
FILES = data_folder()
DIGITS = {"digits": DATASETS["digits"]().content(data_folder())}
SPEECH = {"fsdd": DATASETS["fsdd"]().content(data_folder())}  # which is downloaded where it is missing


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with the folder of a study, on a machine that has no original files and reaches no server."""
    folders = {"ABLATE_DATA": str(tmp_path / "data"), "ABLATE_CACHE": str(tmp_path / "disk")}
    for name, value in {**OFFLINE, **folders}.items():
        monkeypatch.setenv(name, value)
    for name in ("no_proxy", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    store = Store(tmp_path / "store")
    folder = store.study("radius").folder
    folder.mkdir(parents=True)
    (folder / "mark").touch()
    return store


@pytest.fixture
def alone(store: Store) -> Iterator[None]:
    """A Ray of one node, whose processes have the environment of the store."""
    start_ray("", lambda: None)
    yield
    ray.shutdown()


def test_a_node_decodes_the_data_that_it_lacks(store: Store) -> None:
    folder = store.study("radius").folder
    line = report_of_node("n1", str(folder), "mark", str(folder / "absent"), str(store.root), DIGITS, 0.0)
    assert REPORTS.decode(line).problem == ""
    assert is_cached("digits", store.tensors, DIGITS["digits"])
    assert store.tensors.parent.name == "disk"


def test_a_node_without_a_network_copies_the_data_from_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as before:
        before.setenv("ABLATE_DATA", str(FILES))
        cache_data("fsdd", store.shared_tensors, SPEECH["fsdd"])
    folder = store.study("radius").folder
    line = report_of_node("n1", str(folder), "mark", str(folder / "absent"), str(store.root), SPEECH, 0.0)
    assert REPORTS.decode(line).problem == ""
    assert is_cached("fsdd", tmp_path / "disk" / "tensors", SPEECH["fsdd"])


def test_a_node_that_cannot_get_the_data_says_so(store: Store) -> None:
    folder = store.study("radius").folder
    line = report_of_node("n1", str(folder), "mark", str(folder / "absent"), str(store.root), SPEECH, 0.0)
    report = REPORTS.decode(line)
    assert report.problem.startswith(f"the node lacks the data set 'fsdd': {os.environ['ABLATE_DATA']}/")
    assert "the file is missing and cannot be fetched" in report.problem
    assert report.remedy == "put it there, or set ABLATE_DATA to the folder that holds it, on that node"
    assert not report.away


def test_a_node_that_cannot_write_to_the_folder_says_so(store: Store) -> None:
    folder = store.study("radius").folder
    (folder / "mark-n1").mkdir()
    line = report_of_node("n1", str(folder), "mark", str(folder / "absent"), str(store.root), {}, 0.0)
    report = REPORTS.decode(line)
    assert report.problem == f"the node cannot write to {folder}: Is a directory"
    assert report.remedy == "name a folder that all nodes share with --storage"


@pytest.mark.parametrize(
    ("torch", "problem", "remedy"),
    [
        ("0.1", "the node has torch 0.1 (here 2.9.0)", "install the same on every node"),
        ("2.9.0", "{folder} is another folder there than here", "name a folder that all nodes share with --storage"),
    ],
)
def test_a_node_with_other_packages_or_another_folder_does_not_fit(
    store: Store, monkeypatch: pytest.MonkeyPatch, torch: str, problem: str, remedy: str
) -> None:
    folder = store.study("radius").folder
    monkeypatch.setattr(joining, "own_report", lambda: NodeReport("here", {"torch": "2.9.0"}, {}))
    monkeypatch.setattr(joining, "reports_of", lambda *given: [NodeReport("n1", {"torch": torch}, {})])
    check = NodeCheck(store.root, folder, folder / "absent")
    (report,) = compared_reports([], check, lambda: None)
    assert (report.problem, report.remedy) == (problem.format(folder=folder), remedy)
    assert sorted(path.name for path in folder.iterdir()) == ["mark"]  # the files of the check are removed


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.usefixtures("alone")
def test_a_launch_is_refused_where_a_node_cannot_get_the_data_and_a_node_that_joins_is_left_out(store: Store) -> None:
    paths = store.study("radius")
    request = ClusterRequest(str(paths.folder), str(paths.environment), data=SPEECH)
    with pytest.raises(ServiceError, match="the node lacks the data set 'fsdd'"):
        require_cluster(request, lambda found: None)
    (report,) = joined_reports(live_nodes(), NodeCheck.of(request))
    assert report.problem.startswith("the node lacks the data set 'fsdd'")
    fit = ClusterRequest(str(paths.folder), str(paths.environment), data=DIGITS)
    assert len(require_cluster(fit, lambda found: None)) == 1

"""A node that cannot get the data of a study is refused, and left out where it joins later."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from ablate.cluster.joining import NodeCheck, joined_reports, require_cluster
from ablate.cluster.node_report import REPORTS, report_of_node
from ablate.cluster.ray_cluster import live_nodes, start_ray
from ablate.data import DATASETS
from ablate.data.cache import is_cached
from ablate.errors import ServiceError
from ablate.launch_config import ClusterRequest
from ablate.paths import Store, data_folder

OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # no process listens there
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


def test_a_node_that_cannot_get_the_data_says_so(store: Store) -> None:
    folder = store.study("radius").folder
    line = report_of_node("n1", str(folder), "mark", str(folder / "absent"), str(store.root), SPEECH, 0.0)
    report = REPORTS.decode(line)
    assert report.problem.startswith(f"the node lacks the data set 'fsdd': {os.environ['ABLATE_DATA']}/")
    assert "the file is missing and cannot be fetched" in report.problem
    assert report.remedy == "put it there, or set ABLATE_DATA to the folder that holds it, on that node"
    assert not report.away


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

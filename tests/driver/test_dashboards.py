"""Optuna's dashboard over the journals of a store, which can be read and not changed."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from ablate.driver.dashboards import dashboards
from ablate.paths import Store
from ablate.search.proposals import Proposals
from ablate.study.model import Study


def answer(address: str, path: str, method: str = "GET", host: str | None = None) -> bytes:
    headers = {"Host": host} if host is not None else {}
    request = Request(address.removesuffix("/dashboard") + path, method=method, headers=headers)
    with urlopen(request, timeout=60) as found:
        content: bytes = found.read()
    return content


def test_each_search_of_a_store_has_a_dashboard_that_only_reads(
    search_study: Callable[..., Study], tmp_path: Path
) -> None:
    study, store = search_study("search.trials=2"), Store(tmp_path / "store")
    proposals = Proposals(study, store.study("radius").search, {})
    for _ in range(2):
        for trial in proposals.next():
            proposals.record(trial.key, {"linear/accuracy": 0.5})
    store.study("grid").folder.mkdir()
    before = store.study("radius").search.read_bytes()
    with dashboards(store) as addresses:
        (address,) = addresses.values()
        assert list(addresses) == ["radius"]
        assert b"<title>Optuna Dashboard</title>" in answer(address, "/dashboard")
        (listed,) = json.loads(answer(address, "/api/studies"))["study_summaries"]
        assert listed["study_name"].startswith("radius-")
        trials = json.loads(answer(address, f"/api/studies/{listed['study_id']}?after=0"))["trials"]
        assert [(one["state"], one["values"]) for one in trials] == [("Complete", [0.5])] * 2
        for method, host in (("DELETE", None), ("GET", "example.org")):
            with pytest.raises(HTTPError, match="403"):
                answer(address, f"/api/studies/{listed['study_id']}", method, host)
    assert store.study("radius").search.read_bytes() == before
    with pytest.raises(OSError, match="refused"):
        answer(address, "/dashboard")


def test_a_store_without_searches_has_none(tmp_path: Path) -> None:
    with dashboards(Store(tmp_path)) as addresses:
        assert addresses == {}

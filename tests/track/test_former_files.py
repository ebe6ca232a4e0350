"""Files and tags that version 0.1 wrote are still read."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.errors import ServiceError
from ablate.events import State
from ablate.paths import Store
from ablate.process import current_process
from ablate.track import tags
from ablate.track.run_state import STATUSES, state_of
from ablate.track.sent import Sent
from ablate.track.server_info import ServerInfo
from ablate.track.spool import history, last_state, read
from ablate.track.spool_records import SpoolArtifact, SpoolFinish, SpoolMetrics, SpoolStart
from ablate.track.ui import reading_address
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]


def former_json(trial: Trial) -> dict[str, object]:
    content = trial.to_json()
    return {"trial" if name == "config" else name: value for name, value in content.items()}


def former_spool(trial: Trial, status: str) -> list[dict[str, object]]:
    start = {"job": former_json(trial), "facts": {"device": "cpu"}, "parent": "p", "run_id": "", "known": False}
    return [
        {"time": 1, "kind": "start", **start, "probes": {"linear": "d"}},
        {"time": 2, "kind": "metrics", "step": 1, "values": {"train/loss": 0.5}},
        {"time": 3, "kind": "artifact", "file": "log.txt", "folder": ""},
        {"time": 4, "kind": "finish", "status": status, "reason": "?", "probes": {"linear": "d"}},
    ]


@pytest.mark.parametrize(
    ("status", "state"), [("FINISHED", State.FINISHED), ("FAILED", State.FAILED), ("KILLED", State.KILLED)]
)
def test_a_spool_of_version_0_1_is_read(make_trial: MakeTrial, tmp_path: Path, status: str, state: State) -> None:
    trial, spool = make_trial(), tmp_path / "spool.jsonl"
    spool.write_text("".join(json.dumps(line) + "\n" for line in former_spool(trial, status)), encoding="utf-8")
    assert read(spool, 0)[0] == [
        SpoolStart(1, trial, {"device": "cpu"}, "p", "", may_exist=False, probes={"linear": "d"}),
        SpoolMetrics(2, 1, {"train/loss": 0.5}),
        SpoolArtifact(3, "log.txt"),
        SpoolFinish(4, state, "?", {"linear": "d"}),
    ]
    assert last_state(spool) is state
    assert history(spool) == {"train/loss": [(1, 0.5)]}


@pytest.mark.parametrize(("status", "state"), [("FINISHED", State.FINISHED), ("RUNNING", State.RUNNING), ("", None)])
def test_what_version_0_1_had_sent_is_read(tmp_path: Path, status: str, state: State | None) -> None:
    file = tmp_path / "sent.json"
    content = {"run_id": "r", "offset": 7, "status": status, "resumed": True, "rejected": ["map.csv"]}
    file.write_text(json.dumps(content), encoding="utf-8")
    assert Sent.load(file) == Sent("r", 7, state, resumed=True, rejected=("map.csv",))


def test_what_was_sent_is_read_as_it_was_saved(tmp_path: Path) -> None:
    sent = Sent("r", 7, State.OUT_OF_MEMORY, rejected=("map.csv",), key=tmp_path.name)
    sent.save(tmp_path / "sent.json")
    assert Sent.load(tmp_path / "sent.json") == sent
    assert Sent.load(tmp_path / "none.json") is None


def test_the_server_file_of_version_0_1_is_read(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    content = {"host": "h", "port": 5000, "pid": 7, "created": 1.5, "mark": "m", "users": [[8, 2.5]]}
    file.write_text(json.dumps(content), encoding="utf-8")
    assert ServerInfo.load(file) == ServerInfo("h", 5000, 7, 1.5, "m", ((8, 2.5),))


def test_the_server_file_has_a_version_and_one_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    info = ServerInfo("h", 5000, 7, 1.5, "m", ((8, 2.5),))
    info.save(file)
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["version"] == 1
    assert ServerInfo.load(file) == info
    file.write_text(json.dumps({**content, "version": 2}), encoding="utf-8")
    with pytest.raises(
        ServiceError, match=r"server.json: .* another version of ablate started \(2\); use that version"
    ):
        ServerInfo.load(file)


def test_reading_removes_the_file_of_a_server_that_died_with_its_users_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store, dead, here = Store(tmp_path), (2**22 + 1, 1.0), socket.gethostname()
    store.mlflow.mkdir()
    file = store.mlflow / "server.json"
    for host, process, users in ((here, dead, (current_process(),)), (here, current_process(), ()), ("h", dead, ())):
        ServerInfo(host, 5000, *process, "mark", users).save(file)
        assert reading_address(store) == ""
        assert file.exists()
    ServerInfo(here, 5000, *dead, "no process has this mark", (dead,)).save(file)
    assert reading_address(store) == ""
    assert not file.exists()


def test_a_trial_in_tags_of_version_0_1_is_read(make_trial: MakeTrial) -> None:
    trial = make_trial()
    text = json.dumps(former_json(trial))
    assert tags.trial_of_tags({"ablate.job": text[:30], "ablate.job.1": text[30:]}) == trial


def test_a_shorter_trial_in_tags_is_read_though_pieces_of_a_longer_one_are_left(make_trial: MakeTrial) -> None:
    trial = make_trial()
    assert tags.trial_of_tags({**tags.trial_json_tags(trial), "ablate.trial.1": '"}}'}) == trial


@pytest.mark.parametrize("state", State)
def test_every_state_is_read_back_from_status_and_tag(state: State) -> None:
    assert state_of(STATUSES[state], state) is state


@pytest.mark.parametrize(
    ("status", "tag", "state"),
    [
        ("KILLED", "", State.KILLED),
        ("FINISHED", "", State.FINISHED),
        ("RUNNING", "pruned", State.RUNNING),
        ("KILLED", "running", State.KILLED),
        ("FAILED", "no such word", State.FAILED),
    ],
)
def test_a_status_without_an_agreeing_tag_decides(status: str, tag: str, state: State) -> None:
    assert state_of(status, tag) is state
